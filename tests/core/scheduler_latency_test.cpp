// How long a runnable task waits, and who notices.
#include <algorithm>
#include <thread>
#include <vector>

#include "core/scheduler.h"
#include "core/sleep.h"
#include "tests/core/small_tasks.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

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

class DepthFirst : public LeakFree {};

Task<> nothing() { co_return; }

Task<int> forks_until_set(std::atomic<bool>& flag) {
    JoinHandle<> older = spawn(sets(flag));
    const TimePoint patience = runtime_now() + 20s;
    while (!flag.load() && runtime_now() < patience) {
        JoinHandle<> newer = spawn(nothing());
        co_await newer;
    }
    EXPECT_TRUE(flag.load()) << "the older task starves behind the newer ones";
    co_await older;
    co_return 0;
}

TEST_F(DepthFirst, LetsAnOlderTaskRunInTheEnd) {
    Runtime runtime({.processors = 1});
    std::atomic<bool> ran{false};
    EXPECT_EQ(runtime.run(forks_until_set(ran)), 0);
}

Task<> notes(std::vector<int>& order, int number) {
    order.push_back(number);
    co_return;
}

Task<int> joins_the_newest_first(std::vector<int>& order) {
    JoinHandle<> first = spawn(notes(order, 1));
    JoinHandle<> second = spawn(notes(order, 2));
    JoinHandle<> third = spawn(notes(order, 3));
    co_await third;
    order.push_back(0);
    co_await first;
    co_await second;
    co_return 0;
}

TEST_F(DepthFirst, RunsTheJoinedChildAtOnceAndItsParentNext) {
    Runtime runtime({.processors = 1, .overtaking = 1h});
    std::vector<int> order;
    EXPECT_EQ(runtime.run(joins_the_newest_first(order)), 0);
    EXPECT_EQ(order, (std::vector<int>{3, 0, 2, 1}));
}

Task<std::uint64_t> tree(int depth, std::uint64_t& most) {
    if (depth == 0) {
        most = std::max(most, runtime::num_tasks());
        co_return 1;
    }
    std::vector<JoinHandle<std::uint64_t>> parts;
    for (int i = 0; i < 10; ++i) parts.push_back(spawn(tree(depth - 1, most)));
    std::uint64_t sum = 0;
    for (JoinHandle<std::uint64_t>& part : parts) sum += co_await part;
    co_return sum;
}

Task<int> grows_a_tree(std::uint64_t& most) {
    JoinHandle<std::uint64_t> root = spawn(tree(4, most));
    EXPECT_EQ(co_await root, 10'000U);
    co_return 0;
}

TEST_F(DepthFirst, KeepsATreesBreadthSmall) {
    Runtime runtime({.processors = 1, .overtaking = 1h});
    std::uint64_t most = 0;
    EXPECT_EQ(runtime.run(grows_a_tree(most)), 0);
    // A path of siblings, this task and the tree's maker; breadth first has 11,111 alive.
    EXPECT_EQ(most, 4U * 10U + 2U);
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
        // Asked an hour later each time: an unanswered probe would show. Whether a question comes
        // before the start or within a step is chance; again and again it is found asleep.
        int asked = 0;
        for (int fresh = 0; fresh < 100; ++asked) {
            fresh += runtime::scheduler_stall(start + std::chrono::hours(asked)) == 0ns;
            std::this_thread::yield();
        }
        let_go = true;
    });
    EXPECT_EQ(runtime.run(idles(let_go)), 0);
    asker.join();
}

}  // namespace
}  // namespace pilotfish::core
