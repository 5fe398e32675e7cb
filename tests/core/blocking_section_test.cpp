#include "core/blocking_section.h"

#include <algorithm>

#include "core/scheduler.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class BlockingSections : public LeakFree {};

constexpr std::int64_t kMs = 1'000'000;

RuntimeOptions unwatched() {
    RuntimeOptions options;
    options.processors = 1;
    options.watch = Watch::off;
    return options;
}

Task<> sets(bool& flag) {
    flag = true;
    co_return;
}

// This thread computes, as its CPU clock would tell.
std::int64_t busy_cpu(const Machine&) noexcept { return monotonic_ns() * 1000; }

Task<int> is_lent_at_the_first_look() {
    Watcher& watcher = Scheduler::current()->watcher;
    watcher.cpu_time_ns = busy_cpu;
    bool ran = false;
    JoinHandle<> child = spawn(sets(ran));
    const std::int64_t now = monotonic_ns();
    watcher.look(now);
    {
        BlockingSection section;
        watcher.look(now + 2 * kMs);
        EXPECT_EQ(runtime::stats().stand_ins, 1) << "without a question for the CPU time";
        {
            BlockingSection inner;
        }
        watcher.look(now + 3 * kMs);
        EXPECT_EQ(runtime::stats().stand_ins, 1) << "still inside";
    }
    watcher.look(now + 5 * kMs);
    watcher.look(now + 6 * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, 0) << "outside, and computing";
    co_await child;
    EXPECT_TRUE(ran);
    co_return 0;
}

TEST_F(BlockingSections, LendTheProcessorAtTheFirstLook) {
    Runtime runtime(unwatched());
    EXPECT_EQ(runtime.run(is_lent_at_the_first_look()), 0);
}

Task<int> is_not_lent_for_nothing() {
    Watcher& watcher = Scheduler::current()->watcher;
    BlockingSection section;
    const std::int64_t now = monotonic_ns();
    for (int ms = 0; ms < 20; ++ms) watcher.look(now + ms * kMs);
    EXPECT_EQ(runtime::stats().stand_ins_total, 0U);
    co_return 0;
}

TEST_F(BlockingSections, LendNothingWhenNobodyWaits) {
    Runtime runtime(unwatched());
    EXPECT_EQ(runtime.run(is_not_lent_for_nothing()), 0);
}

TEST_F(BlockingSections, DoNothingOutsideOfTasks) {
    BlockingSection outer;
    BlockingSection inner;
}

Task<int> enters_and_leaves() {
    constexpr int kTimes = 100'000;
    std::int64_t best = INT64_MAX;
    for (int round = 0; round < 10; ++round) {
        const std::int64_t start = monotonic_ns();
        for (int i = 0; i < kTimes; ++i) BlockingSection section;
        best = std::min(best, monotonic_ns() - start);
    }
    // The promise is 30 ns; a debug build makes a call of each line.
    EXPECT_LT(best / kTimes, 300 * kSlowdown);
    testing::Test::RecordProperty("picoseconds", static_cast<int>(best * 1000 / kTimes));
    co_return 0;
}

TEST_F(BlockingSections, AreCheap) {
    Runtime runtime(unwatched());
    EXPECT_EQ(runtime.run(enters_and_leaves()), 0);
}

Task<int> suspends_inside() {
    BlockingSection section;
    co_await yield();
    co_return 0;
}

TEST(BlockingSectionsDeathTest, MayNotHoldASuspension) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            Runtime runtime(unwatched());
            runtime.run(suspends_inside());
        },
        "a task was suspended inside a BlockingSection");
}

}  // namespace
}  // namespace pilotfish::core
