#include "core/task_group.h"

#include <atomic>
#include <stdexcept>
#include <string>

#include "core/channel.h"
#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

class Group : public LeakFree {};

Task<> adds(std::atomic<int>& sum, int n) {
    for (int i = 0; i < n; ++i) co_await yield();
    sum += n;
}

Task<int> waits_for_all() {
    std::atomic<int> sum{0};
    co_await with_group([&](TaskGroup& group) {
        for (int i = 1; i <= 10; ++i) group.spawn(adds(sum, i));
    });
    co_return sum.load();
}

TEST_F(Group, TheScopeWaitsForAll) {
    for (int processors : {1, 2, 8}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(waits_for_all()), 55);
    }
}

Task<int> coroutine_body() {
    std::atomic<int> sum{0};
    auto body = [&](TaskGroup& group) -> Task<> {
        group.spawn(adds(sum, 1));
        co_await yield();
        group.spawn(adds(sum, 10));
        sum += 100;
    };
    co_await with_group(body);
    co_return sum.load();
}

TEST_F(Group, TheBodyMayBeACoroutine) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(coroutine_body()), 111);
}

Task<> parks_until_cancelled(Channel<int>& never, std::atomic<int>& cancelled) {
    try {
        (void)co_await never.receive();
    } catch (const Cancelled&) {
        ++cancelled;
        throw;
    }
}

Task<> fails(const char* text) {
    co_await yield();
    throw std::runtime_error(text);
}

Task<int> first_error(std::string& error, std::atomic<int>& cancelled) {
    Channel<int> never;
    auto body = [&](TaskGroup& group) -> Task<> {
        for (int i = 0; i < 200; ++i) group.spawn(parks_until_cancelled(never, cancelled));
        group.spawn(fails("first"));
        co_await parks_until_cancelled(never, cancelled);
    };
    try {
        co_await with_group(body);
    } catch (const std::runtime_error& caught) {
        error = caught.what();
    }
    // The last of them may be on its way out of the census, on another processor.
    while (runtime::num_tasks() > 1) co_await yield();
    EXPECT_FALSE(cancel_requested()) << "the group's error is not the surrounding task's";
    co_return 0;
}

TEST_F(Group, TheFirstErrorReachesEveryoneAndTheScope) {
    for (int processors : {1, 2, 8}) {
        std::string error;
        std::atomic<int> cancelled{0};
        Runtime runtime(eager(processors));
        runtime.run(first_error(error, cancelled));
        EXPECT_EQ(error, "first");
        EXPECT_EQ(cancelled.load(), 201);
    }
}

Task<> nests(Channel<int>& never, std::atomic<int>& cancelled, int depth) {
    co_await with_group([&](TaskGroup& group) {
        group.spawn(parks_until_cancelled(never, cancelled));
        if (depth > 0) group.spawn(nests(never, cancelled, depth - 1));
    });
}

Task<int> cancellation_goes_down(std::atomic<int>& cancelled) {
    Channel<int> never;
    JoinHandle<> top = spawn(nests(never, cancelled, 4));
    while (runtime::num_tasks() < 11) co_await yield();
    for (int i = 0; i < 20; ++i) co_await yield();
    top.cancel();
    co_await top;
    EXPECT_EQ(runtime::num_tasks(), 1U);
    co_return 0;
}

TEST_F(Group, CancellationReachesEveryDescendant) {
    std::atomic<int> cancelled{0};
    Runtime runtime({.processors = 1});
    runtime.run(cancellation_goes_down(cancelled));
    EXPECT_EQ(cancelled.load(), 5);
}

Task<int> by_token(std::atomic<int>& cancelled) {
    Channel<int> never;
    std::stop_source source;
    bool heard = false;
    TaskGroup group(source.get_token());
    std::stop_callback listener(group.stop_token(), [&] { heard = true; });
    group.spawn(parks_until_cancelled(never, cancelled));
    co_await yield();
    source.request_stop();
    group.spawn(parks_until_cancelled(never, cancelled));  // comes too late
    co_await group.wait();
    EXPECT_TRUE(heard);
    EXPECT_TRUE(group.cancelled());
    co_return 0;
}

TEST_F(Group, AStopTokenCancelsItAndItsOwnTellsOthers) {
    std::atomic<int> cancelled{0};
    Runtime runtime({.processors = 1});
    runtime.run(by_token(cancelled));
    EXPECT_EQ(cancelled.load(), 2);
}

Task<int> gives(int n) {
    co_await yield();
    if (n < 0) throw std::runtime_error("negative");
    co_return n;
}

Task<int> forks_for_results() {
    TaskGroup group;
    JoinHandle<int> a = group.fork(gives(2));
    JoinHandle<int> b = group.fork(gives(40));
    const int left = co_await a;
    const int right = co_await b;
    co_await group.wait();
    JoinHandle<int> bad = group.fork(gives(-1));
    EXPECT_THROW((void)co_await bad, std::runtime_error);
    EXPECT_THROW(co_await group.wait(), std::runtime_error);
    co_return left + right;
}

TEST_F(Group, ForkGivesResultsAndErrorsToTheJoinerToo) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(forks_for_results()), 42);
}

Task<> sleeps_on(Channel<int>& never) { (void)co_await never.receive(); }

Task<int> ends_with_a_group_alive(Channel<int>& never, std::optional<TaskGroup>& outside) {
    outside.emplace();
    outside->spawn(sleeps_on(never));
    co_await yield();
    outside->spawn(sleeps_on(never));
    co_return 3;
}

Task<> holds_a_group(Channel<int>& never) {
    co_await with_group([&](TaskGroup& group) { group.spawn(sleeps_on(never)); });
}

Task<int> ends_beside_a_group(Channel<int>& never) {
    spawn(holds_a_group(never)).detach();
    co_await yield();
    co_await yield();
    co_return 4;
}

TEST_F(Group, TheEndOfTheRuntimeEndsGroups) {
    Channel<int> never;
    std::optional<TaskGroup> outside;
    {
        Runtime runtime({.processors = 1});
        EXPECT_EQ(runtime.run(ends_with_a_group_alive(never, outside)), 3);
    }
    outside.reset();
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(ends_beside_a_group(never)), 4);
}

Task<int> destroys_a_living_group(Channel<int>& never) {
    {
        TaskGroup group;
        group.spawn(sleeps_on(never));
    }
    co_return 0;
}

TEST(GroupDeathTest, DestroyingOneWhoseTasksLiveIsABug) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            Channel<int> never;
            Runtime runtime({.processors = 1});
            runtime.run(destroys_a_living_group(never));
        },
        "destroyed while its tasks live");
}

}  // namespace
}  // namespace pilotfish::core
