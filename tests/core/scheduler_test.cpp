#include "core/scheduler.h"

#include <thread>
#include <vector>

#include "core/sleep.h"
#include "tests/core/small_tasks.h"

namespace pilotfish::core {

// Reaches what no user may: a processor that was held once and is idle now, without a thread that
// sleeps for it.
struct SchedulerTestPeer {
    static Proc* make_idle_proc(Scheduler& scheduler) {
        std::lock_guard guard(scheduler.idle_lock_);
        Proc* proc = scheduler.take_idle_proc_locked();
        PF_CHECK(proc, "no idle processor");
        scheduler.put_back_locked(*proc);
        return proc;
    }
};

namespace {

using namespace std::chrono_literals;

class Timers : public LeakFree {};

// Sleeps by the timers of another processor.
class SleepOn {
  public:
    SleepOn(Proc& proc, std::int64_t deadline_ns) : proc_(proc), deadline_ns_(deadline_ns) {}
    ~SleepOn() { TimerHeap::disarm(waiter_); }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) {
        waiter_.task = begin_wait(frame.promise(), WaitReason::sleep, {});
        proc_.timers.arm(waiter_, deadline_ns_);
    }
    void await_resume() const noexcept {}
    SleepOn awaiter(const std::source_location&) const { return SleepOn(proc_, deadline_ns_); }

  private:
    Proc& proc_;
    std::int64_t deadline_ns_;
    TimedWaiter waiter_;
};

Task<> sleeps_on(Proc& proc, bool& woke) {
    co_await SleepOn(proc, runtime_now_ns() + 1'000'000);
    woke = true;
}

Task<int> stays_busy_until_woken() {
    Proc* idle = SchedulerTestPeer::make_idle_proc(*Scheduler::current());
    bool woke = false;
    JoinHandle<> sleeper = spawn(sleeps_on(*idle, woke));
    const TimePoint patience = runtime_now() + 20s;
    while (!woke && runtime_now() < patience) co_await yield();
    EXPECT_TRUE(woke) << "nobody watches the timers of an idle processor";
    co_await sleeper;
    co_return 0;
}

TEST_F(Timers, OfAnIdleProcessorFireWhileAnotherStaysBusy) {
    RuntimeOptions options;
    options.processors = 2;
    options.backlog_to_start_thread = 1h;
    Runtime runtime(options);
    EXPECT_EQ(runtime.run(stays_busy_until_woken()), 0);
}

class SecondThread : public LeakFree {};

// Two threads were needed once; now the other one sleeps.
Task<> brings_a_second_thread_to_sleep() {
    std::atomic<bool> stop{false};
    std::atomic<int> ended{0};
    std::vector<JoinHandle<>> hoppers;
    for (int i = 0; i < 8; ++i) hoppers.push_back(spawn(hops(stop, ended)));
    EXPECT_TRUE(co_await settles(2));
    stop = true;
    for (JoinHandle<>& hopper : hoppers) co_await hopper;
    EXPECT_TRUE(co_await settles(1));
}

Task<int> holds_with_a_due_timer() {
    co_await brings_a_second_thread_to_sleep();
    runtime::max_procs(1);
    std::atomic<int> woke{0};
    JoinHandle<> sleeper = spawn(sleeps_then_counts(1ms, woke));
    co_await yield();
    const std::uint64_t polls = runtime::stats().polls_total;
    const TimePoint end = runtime_now() + 50ms;
    while (runtime_now() < end) std::this_thread::yield();
    EXPECT_LT(runtime::stats().polls_total - polls, 10U) << "it looks at full speed";
    co_await sleeper;
    co_return 0;
}

TEST_F(SecondThread, WithoutAProcessorSleepsThoughATimerIsDue) {
    Runtime runtime(eager(2));
    EXPECT_EQ(runtime.run(holds_with_a_due_timer()), 0);
}

Task<int> holds_while_another_sleeps(std::atomic<bool>& holding, std::atomic<bool>& over,
                                     std::atomic<bool>& ran) {
    co_await brings_a_second_thread_to_sleep();
    JoinHandle<> child = spawn(sets(ran));
    holding = true;
    const TimePoint patience = runtime_now() + 20s;
    while (!ran.load() && runtime_now() < patience) std::this_thread::yield();
    EXPECT_TRUE(ran.load()) << "nobody was woken for the task behind this one";
    over = true;
    co_await child;
    co_return 0;
}

TEST_F(SecondThread, IsWokenByTheQuestionForAHeartbeat) {
    Runtime runtime(eager(2));
    std::atomic<bool> holding{false};
    std::atomic<bool> over{false};  // also for an asker that comes too late to see it held
    std::atomic<bool> ran{false};
    std::thread asker([&] {
        while (!holding.load()) std::this_thread::yield();
        while (!over.load()) {
            (void)runtime::scheduler_stall(runtime_now());
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(runtime.run(holds_while_another_sleeps(holding, over, ran)), 0);
    asker.join();
}

class Stop : public LeakFree {};

Task<> hops_for_ever() {
    for (;;) co_await yield();
}

Task<> resizes_for_ever() {
    for (int n = 1;; n = n % 4 + 1) {
        runtime::max_procs(n);
        co_await yield();
    }
}

Task<int> ends_beside_busy_processors() {
    for (int i = 0; i < 4; ++i) spawn(hops_for_ever()).detach();
    spawn(resizes_for_ever()).detach();
    for (int i = 0; i < 50; ++i) co_await yield();
    co_return 0;
}

// A processor that hops looks for a stop only when called: a call that is lost hangs this test.
TEST_F(Stop, ReachesProcessorsThatAlwaysHaveWork) {
    for (int round = 0; round < 500 / kSlowdown; ++round) {
        Runtime runtime(eager(4));
        EXPECT_EQ(runtime.run(ends_beside_busy_processors()), 0);
    }
}

}  // namespace
}  // namespace pilotfish::core
