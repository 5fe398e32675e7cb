// Properties of the scheduler as a whole, at several processor counts, with more threads than
// cores.
#include "core/scheduler.h"

#include <thread>
#include <vector>

#include "core/blocking.h"
#include "core/channel.h"
#include "core/sleep.h"
#include "core/stack_census.h"
#include "tests/core/runtime_fixture.h"

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

class Processors : public LeakFree, public testing::WithParamInterface<int> {};

struct Storm {
    std::atomic<std::uint64_t> ran{0};
    Channel<int> numbers;
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> received{0};
};

// A random tree of tasks that do everything a task can do.
Task<int> node(Storm& storm, std::uint64_t seed, int depth) {
    std::mt19937_64 random(seed);
    int made = 1;
    std::vector<JoinHandle<int>> children;
    const int actions = 3 + static_cast<int>(random() % 5);
    for (int i = 0; i < actions; ++i) {
        switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                if (depth > 0) children.push_back(spawn(node(storm, random(), depth - 1)));
                break;
            case 3: co_await yield(); break;
            case 4: {
                const auto delay = std::chrono::microseconds(random() % 200);
                co_await sleep_for(delay);
                break;
            }
            case 5:
                storm.sent.fetch_add(1);
                storm.numbers.send(1);
                break;
            case 6: {
                const TimePoint deadline =
                    runtime_now() + std::chrono::microseconds(random() % 100);
                Received<int> got = co_await storm.numbers.receive(deadline);
                if (got) storm.received.fetch_add(1);
                break;
            }
            case 7:
                if (!children.empty()) {
                    made += co_await children.back();
                    children.pop_back();
                }
                break;
        }
    }
    for (JoinHandle<int>& child : children) {
        if (random() % 4 == 0) co_await yield();
        made += co_await child;
    }
    storm.ran.fetch_add(1);
    co_return made;
}

Task<int> weathers(Storm& storm, std::uint64_t seed, int trees) {
    std::mt19937_64 random(seed);
    std::uint64_t made = 0;
    for (int tree = 0; tree < trees; ++tree) {
        JoinHandle<int> root = spawn(node(storm, random(), 6));
        made += static_cast<std::uint64_t>(co_await root);
    }
    EXPECT_EQ(storm.ran.load(), made) << "each task ran exactly once";
    while (storm.numbers.size() > 0) {
        (void)co_await storm.numbers.receive();
        storm.received.fetch_add(1);
    }
    EXPECT_EQ(storm.sent.load(), storm.received.load()) << "each message was received exactly once";
    EXPECT_EQ(runtime::num_tasks(), 1U);
    const runtime::RuntimeStats stats = runtime::stats();
    EXPECT_EQ(stats.spawned_total, made + 1);
    EXPECT_EQ(stats.finished_total, made);
    co_return 0;
}

TEST_P(Processors, RunEveryTaskOfARandomTreeOnce) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    EXPECT_EQ(runtime.run(weathers(storm, random(), 40 / kSlowdown)), 0);
}

TEST_P(Processors, AreChangedAtRandomUnderLoadWithoutLosingATask) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    std::atomic<bool> done{false};
    const std::uint64_t resize_seed = random();
    std::thread resizer([&] {
        std::mt19937_64 sizes(resize_seed);
        while (!done.load()) {
            runtime::max_procs(1 + static_cast<int>(sizes() % static_cast<unsigned>(GetParam())));
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(runtime.run(weathers(storm, random(), 40 / kSlowdown)), 0);
    done = true;
    resizer.join();
}

Task<int> weathers_until_seen(Storm& storm, std::uint64_t seed, int trees,
                              const std::atomic<std::size_t>& bytes) {
    const int left = co_await weathers(storm, seed, trees);
    while (bytes.load() == 0) co_await yield();
    co_return left;
}

TEST_P(Processors, AreDumpedAndCountedWhileTasksRun) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    std::atomic<bool> done{false};
    std::atomic<std::size_t> bytes{0};
    std::thread reader([&] {
        while (!done.load()) {
            bytes += runtime::stack(true).size() + grouped_stacks().size();
            const runtime::RuntimeStats stats = runtime::stats(runtime::Detail::with_states);
            EXPECT_LE(stats.finished_total, stats.spawned_total);
            (void)runtime::scheduler_stall(runtime_now());
        }
    });
    EXPECT_EQ(runtime.run(weathers_until_seen(storm, random(), 20 / kSlowdown, bytes)), 0);
    done = true;
    reader.join();
}

Task<> counts(std::atomic<int>& ran) {
    ran.fetch_add(1, std::memory_order_relaxed);
    co_return;
}

Task<int> spawns_flat(int count) {
    std::atomic<int> ran{0};
    std::vector<JoinHandle<>> handles;
    for (int i = 0; i < count; ++i) handles.push_back(spawn(counts(ran)));
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return ran.load();
}

TEST_P(Processors, RunManyMoreTasksThanTheirQueuesHold) {
    Runtime runtime(eager(GetParam()));
    EXPECT_EQ(runtime.run(spawns_flat(100'000 / kSlowdown)), 100'000 / kSlowdown);
}

INSTANTIATE_TEST_SUITE_P(Of, Processors, testing::Values(1, 2, 8, 64));

class MaxProcs : public LeakFree {};

Task<int> asks() {
    EXPECT_EQ(runtime::max_procs(0), 3);
    EXPECT_EQ(runtime::max_procs(5), 3);
    EXPECT_EQ(runtime::max_procs(-1), 5);
    EXPECT_EQ(runtime::stats().processors, 5);
    co_return 0;
}

TEST_F(MaxProcs, ReturnsTheNumberBefore) {
    Runtime runtime({.processors = 3});
    EXPECT_EQ(runtime.run(asks()), 0);
}

Task<> hops(std::atomic<bool>& stop, std::atomic<int>& ended) {
    while (!stop.load(std::memory_order_relaxed)) co_await yield();
    ended.fetch_add(1);
}

// Waits, in steps, until the machine count that runs is as expected.
Task<bool> settles(int processors) {
    const TimePoint patience = runtime_now() + 20s;
    for (;;) {
        const runtime::RuntimeStats stats = runtime::stats();
        if (stats.processors - stats.processors_idle == processors) co_return true;
        if (runtime_now() > patience) co_return false;
        co_await yield();
    }
}

Task<int> resizes() {
    std::atomic<bool> stop{false};
    std::atomic<int> ended{0};
    std::vector<JoinHandle<>> handles;
    for (int i = 0; i < 20; ++i) handles.push_back(spawn(hops(stop, ended)));
    for (const int processors : {4, 1, 2, 1, 8}) {
        runtime::max_procs(processors);
        EXPECT_TRUE(co_await settles(processors)) << processors << " processors";
    }
    stop = true;
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return ended.load();
}

TEST_F(MaxProcs, TakesEffectWhileTasksKeepRunning) {
    Runtime runtime(eager(1));
    EXPECT_EQ(runtime.run(resizes()), 20);
}

Task<> sleeps_then_counts(Duration delay, std::atomic<int>& woke) {
    co_await sleep_for(delay);
    woke.fetch_add(1);
}

Task<int> shrinks_with_timers_armed() {
    std::atomic<int> woke{0};
    std::vector<JoinHandle<>> handles;
    std::atomic<bool> stop{false};
    std::atomic<int> ended{0};
    std::vector<JoinHandle<>> hoppers;
    for (int i = 0; i < 8; ++i) hoppers.push_back(spawn(hops(stop, ended)));
    EXPECT_TRUE(co_await settles(4));
    for (int i = 0; i < 400; ++i)
        handles.push_back(spawn(sleeps_then_counts(std::chrono::microseconds(50 * i), woke)));
    for (int i = 0; i < 20; ++i) co_await yield();
    runtime::max_procs(1);
    stop = true;
    for (JoinHandle<>& hopper : hoppers) co_await hopper;
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return woke.load();
}

TEST_F(MaxProcs, GivesTheTimersOfRetiredProcessorsAway) {
    Runtime runtime(eager(4));
    EXPECT_EQ(runtime.run(shrinks_with_timers_armed()), 400);
}

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

Task<> sets(std::atomic<bool>& flag);

Task<int> holds_while_another_sleeps(std::atomic<bool>& holding, std::atomic<bool>& ran) {
    co_await brings_a_second_thread_to_sleep();
    JoinHandle<> child = spawn(sets(ran));
    holding = true;
    const TimePoint patience = runtime_now() + 20s;
    while (!ran.load() && runtime_now() < patience) std::this_thread::yield();
    EXPECT_TRUE(ran.load()) << "nobody was woken for the task behind this one";
    holding = false;
    co_await child;
    co_return 0;
}

TEST_F(SecondThread, IsWokenByTheQuestionForAHeartbeat) {
    Runtime runtime(eager(2));
    std::atomic<bool> holding{false};
    std::atomic<bool> ran{false};
    std::thread asker([&] {
        while (!holding.load()) std::this_thread::yield();
        while (holding.load()) {
            (void)runtime::scheduler_stall(runtime_now());
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(runtime.run(holds_while_another_sleeps(holding, ran)), 0);
    asker.join();
}

class ScheduleLatency : public LeakFree {};

Task<int> waits_behind_long_steps() {
    std::atomic<bool> ran{false};
    JoinHandle<> child = spawn(sets(ran));
    co_await yield();  // a look at the clock samples whoever is last: this task, behind the child
    co_await child;
    for (int i = 0; i < 100; ++i) co_await yield();
    const runtime::RuntimeStats stats = runtime::stats();
    std::uint64_t sampled = 0;
    for (const std::uint64_t count : stats.schedule_latency) sampled += count;
    EXPECT_GT(sampled, 0U);
    EXPECT_LE(sampled, stats.spawned_total + 110U);
    EXPECT_GT(stats.schedule_latency_sum_ns, 0U);
    co_return 0;
}

TEST_F(ScheduleLatency, OfTasksInTheRingIsSampled) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(waits_behind_long_steps()), 0);
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

class Heartbeat : public LeakFree {};

Task<int> holds_its_processor(std::atomic<bool>& holding, std::atomic<bool>& let_go) {
    holding = true;
    while (!let_go.load()) std::this_thread::yield();
    co_await yield();
    co_return 0;
}

TEST_F(Heartbeat, AgesWhileATaskHoldsTheOnlyProcessorAndRecovers) {
    Runtime runtime({.processors = 1});
    std::atomic<bool> holding{false};
    std::atomic<bool> let_go{false};
    std::thread asker([&] {
        while (!holding.load()) std::this_thread::yield();
        const TimePoint start = runtime_now();
        EXPECT_EQ(runtime::scheduler_stall(start), 0ns);
        EXPECT_EQ(runtime::scheduler_stall(start + 5s), 5s);
        EXPECT_EQ(runtime::scheduler_stall(start + 9s), 9s);
        let_go = true;
        const auto patience = std::chrono::steady_clock::now() + 20s;
        // The probe is answered, or the runtime has ended: no stall either way.
        while (runtime::scheduler_stall(start + 9s) != 0ns)
            ASSERT_LT(std::chrono::steady_clock::now(), patience);
    });
    EXPECT_EQ(runtime.run(holds_its_processor(holding, let_go)), 0);
    asker.join();
}

Task<> sets(std::atomic<bool>& flag) {
    flag = true;
    co_return;
}

// Spawns, then computes on without giving its processor back until the child has run.
Task<int> waits_without_suspending(std::atomic<bool>& holding, std::atomic<bool>& ran) {
    JoinHandle<> child = spawn(sets(ran));
    holding = true;
    while (!ran.load()) std::this_thread::yield();
    co_await child;
    co_return 0;
}

TEST_F(Heartbeat, QuestionFindsAThreadForWorkBehindATaskThatDoesNotSuspend) {
    Runtime runtime({.processors = 2});
    std::atomic<bool> holding{false};
    std::atomic<bool> ran{false};
    std::thread asker([&] {
        while (!holding.load()) std::this_thread::yield();
        while (!ran.load()) {
            (void)runtime::scheduler_stall(runtime_now());
            std::this_thread::yield();
        }
    });
    EXPECT_EQ(runtime.run(waits_without_suspending(holding, ran)), 0);
    asker.join();
}

Task<int> idles(std::atomic<bool>& let_go) {
    while (!let_go.load()) co_await sleep_for(1ms);
    co_return 0;
}

TEST_F(Heartbeat, IsFreshWhileTheSchedulerSleeps) {
    Runtime runtime({.processors = 1});
    std::atomic<bool> let_go{false};
    std::thread asker([&] {
        const TimePoint start = runtime_now();
        std::chrono::nanoseconds worst{0};
        for (int i = 0; i < 1000; ++i) {
            // Asked an hour later each time: an unanswered probe would show.
            const auto stall = runtime::scheduler_stall(start + std::chrono::hours(i));
            if (stall == 0ns)
                worst = 0ns;
            else
                worst += 1ns;
            std::this_thread::yield();
        }
        EXPECT_LT(worst, 900ns) << "most questions find the scheduler idle or answered";
        let_go = true;
    });
    EXPECT_EQ(runtime.run(idles(let_go)), 0);
    asker.join();
}

}  // namespace
}  // namespace pilotfish::core
