#include "core/stack_dump.h"
#include "core/stack_census.h"

#include <map>
#include <string>

#include "core/channel.h"
#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class StackDump : public LeakFree {};

constexpr unsigned kInnerLine = __LINE__ + 1;
Task<> inner_wait(Channel<int>& never) { (void)co_await never.receive(); }

constexpr unsigned kOuterLine = __LINE__ + 1;
Task<> outer_wait(Channel<int>& never) { co_await inner_wait(never); }

std::map<std::string, TaskInfo> by_name() {
    std::map<std::string, TaskInfo> tasks;
    for_each_task([&](const TaskInfo& task) {
        tasks[std::string(task.name())] = task;
        return true;
    });
    return tasks;
}

Task<int> shows_chain() {
    Channel<int> never;
    JoinHandle<> waiter = spawn(outer_wait(never), {.name = "waiter"});
    constexpr unsigned kSpawnLine = __LINE__ - 1;
    const std::uint64_t id = waiter.id();
    EXPECT_EQ(by_name().at("waiter").state, TaskState::created);
    co_await yield();
    const auto tasks = by_name();
    EXPECT_EQ(tasks.size(), 2U);
    const TaskInfo& task = tasks.at("waiter");
    EXPECT_EQ(task.id, id);
    EXPECT_EQ(task.creator_id, tasks.at("main").id);
    EXPECT_EQ(task.state, TaskState::waiting);
    EXPECT_EQ(task.wait_reason, WaitReason::chan_receive);
    EXPECT_EQ(task.created_at.line(), kSpawnLine);
    EXPECT_EQ(task.depth, 2);
    EXPECT_EQ(task.frames[0].line(), kInnerLine);
    EXPECT_EQ(task.frames[1].line(), kOuterLine);
    EXPECT_EQ(tasks.at("main").state, TaskState::running);

    const std::string text = runtime::stack(true);
    EXPECT_NE(text.find("goroutine " + std::to_string(id) + " [chan receive, \"waiter\"]:\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("inner_wait("), std::string::npos) << text;
    EXPECT_NE(text.find("tests/core/stack_dump_test.cpp:" + std::to_string(kInnerLine) + "\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find(" in goroutine 1\n"), std::string::npos) << text;
    const std::string own = runtime::stack(false);
    EXPECT_TRUE(own.starts_with("goroutine 1 [running, \"main\"]:\n")) << own;
    EXPECT_EQ(own.find("waiter"), std::string::npos);

    never.post(1);
    EXPECT_EQ(by_name().at("waiter").state, TaskState::runnable);
    co_await waiter;
    EXPECT_EQ(by_name().size(), 1U);
    co_return 0;
}

TEST_F(StackDump, ShowsTheChainOfAwaitingFramesWithTheirLines) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(shows_chain()), 0);
}

Task<> dozes() { co_await sleep_for(1h); }

Task<int> groups() {
    Channel<int> never;
    for (int i = 0; i < 150; ++i) spawn(outer_wait(never)).detach();
    for (int i = 0; i < 20; ++i) spawn(dozes()).detach();
    co_await yield();
    const std::string text = grouped_stacks();
    EXPECT_TRUE(text.starts_with("goroutine profile: total 171\n150 @ 0x")) << text;
    EXPECT_NE(text.find("\n20 @ 0x"), std::string::npos) << text;
    const runtime::RuntimeStats stats = runtime::stats(runtime::Detail::with_states);
    EXPECT_EQ(stats.tasks, 171U);
    EXPECT_EQ(stats.tasks_by_state[static_cast<std::size_t>(TaskState::waiting)], 170U);
    EXPECT_EQ(stats.tasks_by_state[static_cast<std::size_t>(TaskState::running)], 1U);
    co_return 0;
}

TEST_F(StackDump, GroupsEqualStacksBiggestFirst) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(groups()), 0);
}

Task<> deep(int depth, Channel<int>& never) {
    if (depth == 0)
        (void)co_await never.receive();
    else
        co_await deep(depth - 1, never);
}

Task<int> cuts() {
    Channel<int> never;
    spawn(deep(100, never), {.name = "deep"}).detach();
    co_await yield();
    const TaskInfo task = by_name().at("deep");
    EXPECT_EQ(task.depth, TaskInfo::kDeepest);
    EXPECT_TRUE(task.cut);
    EXPECT_NE(runtime::stack(true).find("...additional frames elided...\n"), std::string::npos);
    co_return 0;
}

TEST_F(StackDump, SaysWhenAChainWasCut) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(cuts()), 0);
}

Task<int> stops_early() {
    for (int i = 0; i < 500; ++i) spawn(dozes()).detach();
    co_await yield();
    int seen = 0;
    for_each_task([&](const TaskInfo&) { return ++seen < 100; });
    EXPECT_EQ(seen, 100);
    seen = 0;
    write_stacks([&](std::string_view) { return ++seen < 2; });
    EXPECT_EQ(seen, 2);
    co_return 0;
}

TEST_F(StackDump, EndsWhenTheReaderHasEnough) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(stops_early()), 0);
}

Task<int> stops_by_exception() {
    for (int i = 0; i < 100; ++i) spawn(dozes()).detach();
    co_await yield();
    struct Enough {};
    int seen = 0;
    EXPECT_THROW(for_each_task([&](const TaskInfo&) -> bool {
                     if (++seen == 10) throw Enough();
                     return true;
                 }),
                 Enough);
    // Nothing of the walk is left in the lists.
    for (int i = 0; i < 100; ++i) spawn(dozes()).detach();
    co_await yield();
    EXPECT_EQ(by_name().at("main").state, TaskState::running);
    EXPECT_EQ(runtime::stats(runtime::Detail::with_states).tasks, 201U);
    co_return 0;
}

TEST_F(StackDump, MayBeEndedByAnException) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(stops_by_exception()), 0);
}

TEST(StackDumpMinutes, AreShownFromTheFirstFullOne) {
    TaskInfo task;
    task.id = 7;
    task.state = TaskState::waiting;
    task.wait_reason = WaitReason::io_wait;
    task.since = std::chrono::seconds(59);
    std::string text;
    append_stack(text, task);
    EXPECT_TRUE(text.starts_with("goroutine 7 [IO wait]:\n")) << text;
    task.since = std::chrono::seconds(125);
    text.clear();
    append_stack(text, task);
    EXPECT_TRUE(text.starts_with("goroutine 7 [IO wait, 2 minutes]:\n")) << text;
}

TEST_F(StackDump, OfNoRuntimeIsEmpty) {
    EXPECT_EQ(runtime::stack(true), "");
    EXPECT_EQ(runtime::num_tasks(), 0U);
}

Task<int> breaks_a_promise() {
    Channel<int> never;
    spawn(outer_wait(never), {.name = "onlooker"}).detach();
    co_await yield();
    PF_CHECK(false, "a promise");
    co_return 0;
}

TEST(StackDumpDeathTest, IsWrittenWhenACheckFails) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            Runtime runtime({.processors = 1});
            runtime.run(breaks_a_promise());
        },
        "a promise(.|\n)*chan receive, \"onlooker\"(.|\n)*inner_wait");
}

}  // namespace
}  // namespace pilotfish::core
