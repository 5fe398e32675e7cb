// Going to sleep and being woken, through every interleaving, with x86's store buffers: a faithful
// model of core/idle.cpp, whose functions are named at each part. What counts is the order in which
// each side writes and looks; a change there must be made here as well. Fences and looks are tried
// by taking them away: the model must then find what they are for. Two fences of idle.cpp cannot be
// tried on x86, because a mutex beside each does the same there: those of give_up_proc and of
// sleep.
#include <array>
#include <limits>
#include <mutex>
#include <string>

#include "tests/core/explorer_atomics.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using explorer::Atomic;
using explorer::Explored;
using explorer::Memory;

enum class Flaw {
    none,
    notify_without_fence,    // between the push and the look at running_
    looks_then_gives_up,     // at the queue, before running_ goes down
    scan_without_fence,      // between poll_until_ns_ = kNever and the look at the timers
    sleep_without_a_look,    // the futex sleeper does not compare its timers with poll_until_ns_
    kick_cleared_too_early,  // kicked_ before the edge is taken
};

constexpr int kNever = std::numeric_limits<int>::max();

struct Setting {
    int machines;         // threads 0 to machines - 1
    int processors;       // held by the first machines at the start
    int senders;          // outside threads, each of which injects one task
    bool last_has_timer;  // the last processor's task arms a timer before it parks
    Flaw flaw;
};

struct Park {
    explicit Park(Setting what) : setting(what) {
        const int held = std::min(setting.machines, setting.processors);
        running.store(held);
        idle_count.store(setting.processors - held);
        for (int i = 0; i < setting.machines; ++i) has_proc[i] = i < held;
        for (Atomic<int>& ns : earliest) ns.store(kNever);
    }

    void thread(int index) {
        if (index < setting.machines)
            machine(index);
        else
            sends();
    }

    // ---- outside ----

    void sends() {
        inject();
        notify();
    }
    void inject() {  // InjectionQueue::push
        std::lock_guard guard(queue_lock);
        size.store(size.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    void notify() {  // Scheduler::notify
        if (setting.flaw != Flaw::notify_without_fence) explorer::fence();
        if (running.load() > 0) {
            if (idle_count.load() <= 0 || searching.load() != 0) return;
            if (poll_until.load() != 0)
                kick();
            else if (setting.machines > 1)
                wake_one();
            return;
        }
        kick();
    }
    void wake_one() {  // Scheduler::wake_one, which starts no thread
        if (idle_count.load() <= 0 || searching.load() != 0) return;
        int machine = -1;
        {
            std::lock_guard guard(idle_lock);
            if (idle_machines == 0 && poll_until.load() != 0) {
                kick();
                return;
            }
            if (idle_machines == 0 || idle_count.load() <= 0) return;
            idle_count.fetch_sub(1);
            searching.fetch_add(1);
            machine = (idle_machines & 1) != 0 ? 0 : 1;
            idle_machines &= ~(1 << machine);
            has_proc[machine] = searches[machine] = true;
            running.fetch_add(1);
        }
        parked[machine].store(0, std::memory_order_release);  // Parker::unpark
    }
    void kick() {  // Poller::kick
        if (kicked.exchange(1) != 0) return;
        edge.exchange(1);  // write(2): a system call drains the store buffer
    }

    // ---- a machine ----

    void machine(int self) {
        if (has_proc[self] && setting.last_has_timer && self == setting.machines - 1)
            earliest[self].store(5, std::memory_order_release);  // TimerHeap::arm
        for (;;) {                                               // Scheduler::find_work
            if (!has_proc[self]) {
                sleep(self);
                continue;
            }
            if (take()) {
                stop_searching(self);
                continue;  // the task runs and ends
            }
            give_up(self);
        }
    }
    bool take() {  // InjectionQueue::take
        if (size.load(std::memory_order_acquire) == 0) return false;
        std::lock_guard guard(queue_lock);
        const int waiting = size.load(std::memory_order_relaxed);
        if (waiting > 0) size.store(waiting - 1, std::memory_order_release);
        return waiting > 0;
    }
    void stop_searching(int self) {
        if (!searches[self]) return;
        searches[self] = false;
        searching.fetch_sub(1);
    }
    void give_up(int self) {  // Scheduler::give_up_proc
        bool work = setting.flaw == Flaw::looks_then_gives_up && anything_to_do();
        {
            std::lock_guard guard(idle_lock);
            has_proc[self] = false;
            idle_count.fetch_add(1);
            running.fetch_sub(1);
        }
        const bool searched = searches[self];
        stop_searching(self);
        explorer::fence();
        if (setting.flaw != Flaw::looks_then_gives_up) work = anything_to_do();
        if (work && acquire(self)) {
            if (searched) {
                searches[self] = true;
                searching.fetch_add(1);
            }
            return;
        }
        sleep(self);
    }
    bool anything_to_do() { return size.load(std::memory_order_acquire) > 0; }
    bool acquire(int self) {  // Scheduler::acquire_proc
        std::lock_guard guard(idle_lock);
        if (idle_count.load() <= 0) return false;
        idle_count.fetch_sub(1);
        has_proc[self] = true;
        running.fetch_add(1);
        return true;
    }
    void sleep(int self) {  // Scheduler::sleep
        if (owned.load() == 0 && owned.exchange(1) == 0) {
            sleep_in_poller(self);
            return;
        }
        explorer::fence();
        const int until = poll_until.load();
        if (until > earliest_timer() && setting.flaw != Flaw::sleep_without_a_look) kick();
        {
            std::lock_guard guard(idle_lock);
            idle_machines |= 1 << self;
            parked[self].store(1, std::memory_order_relaxed);
        }
        parked[self].wait_until([](int value) { return value == 0; });  // Parker::park
    }
    int earliest_timer() {
        int least = kNever;
        for (int i = 0; i < setting.processors; ++i) least = std::min(least, earliest[i].load());
        return least;
    }
    void sleep_in_poller(int self) {  // Scheduler::scan_before_poll, sleep_in_poller
        poll_until.store(kNever, std::memory_order_relaxed);
        if (setting.flaw != Flaw::scan_without_fence) explorer::fence();
        int timeout = kNever;
        if (idle_count.load() > 0) {
            timeout = earliest_timer();
            poll_until.store(timeout, std::memory_order_seq_cst);
            if (anything_to_do()) timeout = 0;
        }
        poll(timeout);
        poll_until.store(0, std::memory_order_seq_cst);
        owned.store(0, std::memory_order_seq_cst);
        acquire(self);
    }
    void poll(int timeout) {  // Poller::wait
        sleeps_until = timeout;
        if (timeout != 0) edge.wait_until([](int value) { return value == 1; });
        sleeps_until = 0;
        if (setting.flaw == Flaw::kick_cleared_too_early) kicked.store(0);
        if (edge.exchange(0) == 1 && setting.flaw != Flaw::kick_cleared_too_early) kicked.store(0);
    }

    // All sleep: is there anything left to do, or to be woken for?
    std::string verdict(bool) {
        if (size.peek() > 0) return "a task lies in the queue while all sleep";
        for (const Atomic<int>& ns : earliest) {
            if (ns.peek() < sleeps_until || (ns.peek() != kNever && sleeps_until == 0))
                return "nobody watches a timer";
        }
        return "";
    }

    Setting setting;
    explorer::SpinLock queue_lock;
    Atomic<int> size{0};
    explorer::Mutex idle_lock;
    int idle_machines = 0;  // guarded by idle_lock, a bit each
    Atomic<int> running{0}, idle_count{0}, searching{0}, poll_until{0}, owned{0}, kicked{0};
    Atomic<int> edge{0};  // of the eventfd
    std::array<Atomic<int>, 2> parked;
    std::array<Atomic<int>, 2> earliest;
    std::array<bool, 2> has_proc{}, searches{};
    int sleeps_until = 0;  // for how long the poller's owner sleeps; 0: it does not
};

Explored tries(const Setting& setting, Memory memory) {
    return explorer::explore<Park>(setting.machines + setting.senders, memory, setting);
}
Explored samples(const Setting& setting, std::uint64_t seed) {
    return explorer::sample<Park>(2'500 / kSlowdown, seed, setting.machines + setting.senders,
                                  Memory::store_buffers, setting);
}

class ParkModel : public LeakFree {};

TEST_F(ParkModel, LosesNoTaskOfAnOutsideThread) {
    Setting setting{
        .machines = 1, .processors = 1, .senders = 1, .last_has_timer = false, .flaw = Flaw::none};
    EXPECT_EQ(tries(setting, Memory::store_buffers).complaint, "");
    setting.senders = 2;
    const Memory memory = kSlowdown == 1 ? Memory::store_buffers : Memory::in_order;
    EXPECT_EQ(tries(setting, memory).complaint, "");
}

TEST_F(ParkModel, LosesNoTimer) {
    const Setting setting{
        .machines = 2, .processors = 2, .senders = 0, .last_has_timer = true, .flaw = Flaw::none};
    EXPECT_EQ(tries(setting, Memory::store_buffers).complaint, "");
}

// Too many interleavings for all: a part of them, another one each time.
TEST_F(ParkModel, LosesNothingOfTwoMachines) {
    PF_SEEDED(random);
    for (const int processors : {1, 2}) {
        for (const int senders : {1, 2, 3}) {
            const Setting setting{.machines = 2,
                                  .processors = processors,
                                  .senders = senders,
                                  .last_has_timer = processors == 2,
                                  .flaw = Flaw::none};
            EXPECT_EQ(samples(setting, random()).complaint, "")
                << processors << " processors, " << senders << " senders";
        }
    }
}

// Each fence and each look is there for something.
class ParkModelFinds : public LeakFree {};

TEST_F(ParkModelFinds, ALostTaskWithoutTheFenceInNotify) {
    const Setting flawed{.machines = 1,
                         .processors = 1,
                         .senders = 1,
                         .last_has_timer = false,
                         .flaw = Flaw::notify_without_fence};
    EXPECT_EQ(tries(flawed, Memory::in_order).complaint, "") << "only a store buffer shows it";
    EXPECT_NE(tries(flawed, Memory::store_buffers).complaint.find("lies in the queue"),
              std::string::npos);
}

TEST_F(ParkModelFinds, ALostTaskWhenTheQueueIsLookedAtTooEarly) {
    const Setting flawed{.machines = 2,
                         .processors = 1,
                         .senders = 1,
                         .last_has_timer = false,
                         .flaw = Flaw::looks_then_gives_up};
    EXPECT_NE(samples(flawed, 1).complaint.find("lies in the queue"), std::string::npos);
}

TEST_F(ParkModelFinds, ALostTimerWithoutTheFenceOfTheScan) {
    const Setting flawed{.machines = 2,
                         .processors = 2,
                         .senders = 0,
                         .last_has_timer = true,
                         .flaw = Flaw::scan_without_fence};
    EXPECT_EQ(tries(flawed, Memory::in_order).complaint, "") << "only a store buffer shows it";
    EXPECT_NE(tries(flawed, Memory::store_buffers).complaint.find("nobody watches"),
              std::string::npos);
}

TEST_F(ParkModelFinds, ALostTimerWhenTheSleeperDoesNotLook) {
    const Setting flawed{.machines = 2,
                         .processors = 2,
                         .senders = 0,
                         .last_has_timer = true,
                         .flaw = Flaw::sleep_without_a_look};
    EXPECT_NE(tries(flawed, Memory::in_order).complaint.find("nobody watches"), std::string::npos);
}

TEST_F(ParkModelFinds, ALostTaskWhenAKickIsClearedBeforeItIsTaken) {
    const Setting flawed{.machines = 1,
                         .processors = 1,
                         .senders = 2,
                         .last_has_timer = false,
                         .flaw = Flaw::kick_cleared_too_early};
    EXPECT_NE(tries(flawed, Memory::in_order).complaint.find("lies in the queue"),
              std::string::npos);
}

}  // namespace
}  // namespace pilotfish::core
