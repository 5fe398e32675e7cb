#include "core/task.h"

#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class TaskOf : public LeakFree {};
class Spawn : public LeakFree {};
class RuntimeEnd : public LeakFree {};

Task<int> add(int a, int b) { co_return a + b; }
Task<int> main_adds() { co_return co_await add(2, 3); }

TEST_F(TaskOf, IntReturnsItsValueToTheAwaiter) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(main_adds()), 5);
}

Task<int> chain(int depth) {
    if (depth == 0) co_return 0;
    const int below = co_await chain(depth - 1);
    co_return below + 1;
}

TEST_F(TaskOf, AMillionSynchronousChildrenDoesNotTouchTheStack) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(chain(1'000'000 / kSlowdown)), 1'000'000 / kSlowdown);
}

Task<int> throws_deep(int depth) {
    if (depth == 0) throw std::runtime_error("from below");
    const int below = co_await throws_deep(depth - 1);
    co_return below;
}

Task<int> catches() {
    try {
        (void)co_await throws_deep(100);
    } catch (const std::runtime_error& error) {
        co_return std::string(error.what()) == "from below" ? 0 : 1;
    }
    co_return 2;
}

TEST_F(TaskOf, ThrowingPassesTheExceptionThroughEveryAwaiter) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(catches()), 0);
}

TEST_F(TaskOf, MainThrowsOutOfRun) {
    Runtime runtime({.processors = 1});
    EXPECT_THROW(runtime.run(throws_deep(3)), std::runtime_error);
}

Task<std::unique_ptr<int>> moves_only(std::unique_ptr<int> value) { co_return value; }

Task<int> awaits_move_only() {
    auto in = std::make_unique<int>(9);
    std::unique_ptr<int> out = co_await moves_only(std::move(in));
    co_return *out;
}

TEST_F(TaskOf, MoveOnlyValueArrives) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(awaits_move_only()), 9);
}

Task<int> drops_a_task_unstarted() {
    Task<int> never = add(1, 2);
    co_return 0;
}

TEST_F(TaskOf, NeverAwaitedIsFreedWithoutRunning) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(drops_a_task_unstarted()), 0);
}

Task<int> spawns_and_joins(int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        JoinHandle<int> handle = spawn(add(i, 1));
        sum += co_await handle;
    }
    co_return sum;
}

TEST_F(Spawn, JoinGivesTheResult) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(spawns_and_joins(1000)), 500500);
}

Task<int> joins_what_has_ended() {
    JoinHandle<int> handle = spawn(add(20, 22));
    while (!handle.finished()) co_await yield();
    co_return co_await handle;
}

TEST_F(Spawn, JoinOfAnEndedTaskDoesNotWait) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(joins_what_has_ended()), 42);
}

Task<int> joins_a_thrower() {
    JoinHandle<int> handle = spawn(throws_deep(0));
    try {
        (void)co_await handle;
    } catch (const std::runtime_error&) {
        co_return 0;
    }
    co_return 1;
}

TEST_F(Spawn, JoinThrowsWhatLeftTheTask) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(joins_a_thrower()), 0);
}

Task<> counts(int& ran) {
    ++ran;
    co_return;
}

Task<int> detaches(int count) {
    int ran = 0;
    for (int i = 0; i < count; ++i) spawn(counts(ran)).detach();
    while (ran < count) co_await yield();
    // The record of the last one is freed after it ran.
    while (runtime::num_tasks() > 1) co_await yield();
    co_return ran;
}

TEST_F(Spawn, OfMoreTasksThanTheQueueHoldsRunsEach) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(detaches(5000)), 5000);
}

TEST(SpawnDeathTest, ExceptionOfADetachedTaskEndsTheProcessWithItsPlace) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    struct Body {
        static Task<> thrower() {
            throw std::runtime_error("nobody listens");
            co_return;
        }
        static Task<int> main() {
            spawn(thrower(), {.name = "bad"}).detach();
            co_await yield();
            co_return 0;
        }
    };
    EXPECT_DEATH(
        {
            Runtime runtime({.processors = 1});
            runtime.run(Body::main());
        },
        "task_test.cpp.*an exception left task .*bad.*nobody listens");
}

Task<int> sums(Channel<int>& numbers, int count) {
    int sum = 0;
    for (int i = 0; i < count; ++i) {
        Received<int> got = co_await numbers.receive();
        sum += *got.value;
    }
    co_return sum;
}

Task<> sends(Channel<int>& numbers, int value) {
    numbers.post(value);
    co_return;
}

TEST_F(Spawn, FromOutsideThreadsRunsEachTask) {
    Runtime runtime(eager(2));
    Channel<int> numbers;
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) runtime.spawn_external(sends(numbers, 1)).detach();
        });
    }
    EXPECT_EQ(runtime.run(sums(numbers, 600)), 600);
    for (std::thread& thread : threads) thread.join();
}

// Each level's destructor writes into its caller's frame, which therefore must go later.
Task<> waits_deep(int depth, int& destroyed, Channel<int>& never) {
    struct PassUp {
        int& up;
        int mine = 0;
        explicit PassUp(int& caller) : up(caller) {}
        PassUp(const PassUp&) = delete;
        ~PassUp() { up += mine + 1; }
    } pass(destroyed);
    if (depth > 0)
        co_await waits_deep(depth - 1, pass.mine, never);
    else
        (void)co_await never.receive();
}

Task<int> leaves_a_deep_waiter(int depth, int& destroyed, Channel<int>& never) {
    spawn(waits_deep(depth, destroyed, never)).detach();
    co_await yield();
    co_return 0;
}

TEST_F(RuntimeEnd, DestroysADeepParkedChainFromTheLeafUp) {
    int destroyed = 0;
    Channel<int> never;
    {
        Runtime runtime({.processors = 1});
        EXPECT_EQ(runtime.run(leaves_a_deep_waiter(200'000, destroyed, never)), 0);
    }
    EXPECT_EQ(destroyed, 200'001);
}

Task<> joins_for_ever(JoinHandle<> other) { co_await other; }

Task<int> leaves_all_kinds(int& destroyed, Channel<int>& never) {
    JoinHandle<> waiter = spawn(waits_deep(1, destroyed, never));
    spawn(joins_for_ever(std::move(waiter))).detach();
    JoinHandle<int> ended = spawn(add(1, 1));
    co_await yield();
    co_await yield();
    co_return 0;
}

TEST_F(RuntimeEnd, FreesJoinersAndTheirTargetsInAnyOrder) {
    Channel<int> never;
    int destroyed = 0;
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(leaves_all_kinds(destroyed, never)), 0);
    EXPECT_EQ(destroyed, 2);
}

// Its destructor wakes a task that waits on the channel.
Task<> sends_when_destroyed(Channel<int>& to, Channel<int>& never) {
    struct Sender {
        Channel<int>& channel;
        ~Sender() { channel.post(1); }
    } sender{to};
    (void)co_await never.receive();
}

Task<> receives_once(Channel<int>& from) { (void)co_await from.receive(); }

Task<int> ends_with_woken_tasks(Runtime& runtime, Channel<int>& first, Channel<int>& second,
                                Channel<int>& never) {
    // In the order of their destruction: `woken` lies in the injection queue and goes first, then
    // the sender puts `waiting` behind it.
    spawn(receives_once(first), {.name = "woken"}).detach();
    spawn(sends_when_destroyed(second, never), {.name = "sender"}).detach();
    spawn(receives_once(second), {.name = "waiting"}).detach();
    co_await yield();
    std::thread outside([&first] { first.post(1); });
    outside.join();
    runtime.spawn_external(receives_once(never)).detach();
    co_return 0;
}

TEST_F(RuntimeEnd, DestructorMayWakeATaskWhileAnotherLiesRunnable) {
    Channel<int> first, second, never;
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(ends_with_woken_tasks(runtime, first, second, never)), 0);
}

Task<int> nothing() { co_return 3; }

TEST_F(RuntimeEnd, CanBeFollowedByAnotherRuntime) {
    for (int i = 0; i < 50; ++i) {
        Runtime runtime({.processors = 1 + i % 3});
        EXPECT_EQ(runtime.run(nothing()), 3);
    }
}

Task<int> few_tasks_that_mostly_wait() {
    for (int i = 0; i < 100; ++i) {
        JoinHandle<int> one = spawn(add(1, 1));
        JoinHandle<int> two = spawn(add(1, 1));
        co_await sleep_for(10us);
        (void)co_await one;
        (void)co_await two;
    }
    EXPECT_EQ(runtime::stats().threads, 1);
    co_return 0;
}

TEST_F(Spawn, OfAHandfulOfShortTasksStaysOnOneThread) {
    RuntimeOptions options;
    options.processors = 8;
    // A debug build under a busy machine may be slow for a moment; a daemon's start is not a
    // second.
    options.backlog_to_start_thread = 1s;
    // Nor is a thread that the machine lets wait one that blocks, and somebody's to stand in for.
    options.watch = Watch::off;
    Runtime runtime(options);
    EXPECT_EQ(runtime.run(few_tasks_that_mostly_wait()), 0);
}

}  // namespace
}  // namespace pilotfish::core
