#include "core/memory_limit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "tests/core/runtime_fixture.h"

namespace core = pilotfish::core;
namespace runtime = pilotfish::runtime;

namespace {

int shrinks = 0;
void count_shrink() noexcept { ++shrinks; }

// The limit and its pauses are the process's: a limit is left as none, and each test looks later
// than all before.
struct MemoryLimit : testing::Test {
    ~MemoryLimit() override { runtime::set_memory_limit(std::nullopt); }
    static core::TimePoint much_later() {
        static auto now = core::TimePoint(std::chrono::hours(100000));
        return now += std::chrono::hours(1);
    }
};

}  // namespace

TEST_F(MemoryLimit, IsNoneUntilItIsSet) {
    EXPECT_EQ(runtime::memory_limit(), std::nullopt);
    EXPECT_EQ(runtime::set_memory_limit(1000), std::nullopt);
    EXPECT_EQ(runtime::memory_limit(), 1000U);
    EXPECT_EQ(runtime::set_memory_limit(std::nullopt), 1000U);
}

TEST_F(MemoryLimit, AnonymousMemoryContainsTheHeap) {
    constexpr std::size_t kSize = 64u << 20;
    const auto before = core::anonymous_bytes();
    ASSERT_TRUE(before.has_value());
    const std::unique_ptr<volatile char[]> memory(new volatile char[kSize]);
    for (std::size_t at = 0; at < kSize; at += 4096) memory[at] = 1;
    const auto after = core::anonymous_bytes();
    ASSERT_TRUE(after.has_value());
    EXPECT_GE(*after, *before + kSize / 2);
}

TEST_F(MemoryLimit, TheHeapNeedNotBeAskedAboutFarFromTheLimit) {
    EXPECT_FALSE(core::may_be_near(UINT64_MAX));  // there is none
    runtime::set_memory_limit(1000);
    EXPECT_FALSE(core::may_be_near(799));
    EXPECT_TRUE(core::may_be_near(800));
}

TEST_F(MemoryLimit, StepsAreDueByTheLimitOfTheProcess) {
    const auto now = much_later();
    EXPECT_FALSE(core::check_memory_limit(now, 900).any_step());
    runtime::set_memory_limit(10000);
    EXPECT_FALSE(core::check_memory_limit(now, 900).any_step());
    runtime::set_memory_limit(1000);
    const core::MemoryDue due = core::check_memory_limit(now, 900);
    EXPECT_TRUE(due.shrink);
    EXPECT_TRUE(due.purge);
    EXPECT_FALSE(due.brake);
    EXPECT_TRUE(core::check_memory_limit(now, 1000).brake);
}

TEST_F(MemoryLimit, ACycleTakesTheStepsThatAreDueAndCountsThem) {
    static const bool added = [] {
        core::add_shrinker(count_shrink);
        return true;
    }();
    ASSERT_TRUE(added);
    const auto before = runtime::reclaim_totals();
    const int shrinks_before = shrinks;
    const core::MemoryCycle shrink = core::run_memory_cycle({.shrink = true});
    EXPECT_EQ(shrinks, shrinks_before + 1);
    EXPECT_GE(shrink.shrinkers, 2);  // the runtime's own is among them
    EXPECT_EQ(shrink.number, before.cycles + 1);
    // A sanitizer's allocator tells nothing of itself.
    if (core::kSlowdown == 1) {
        EXPECT_GT(shrink.heap_before_bytes, 0U);
    }
    EXPECT_EQ(shrink.purge_time.count() > 0 && shrink.steps.purge, false);
    const core::MemoryCycle purge = core::run_memory_cycle({.purge = true});
    EXPECT_EQ(shrinks, shrinks_before + 1);
    EXPECT_EQ(purge.shrinkers, 0);
    const auto after = runtime::reclaim_totals();
    EXPECT_EQ(after.cycles, before.cycles + 2);
    EXPECT_EQ(after.shrinks, before.shrinks + 1);
    EXPECT_EQ(after.purges, before.purges + 1);
    EXPECT_GT(after.time, before.time);
}

TEST_F(MemoryLimit, AReclaimByHandTakesBothStepsAndTheirPausesBegin) {
    const auto before = runtime::reclaim_totals();
    runtime::reclaim();
    const auto now = core::from_ns(core::monotonic_ns());
    EXPECT_EQ(runtime::reclaim_totals().shrinks, before.shrinks + 1);
    EXPECT_EQ(runtime::reclaim_totals().purges, before.purges + 1);
    runtime::set_memory_limit(1000);
    EXPECT_FALSE(core::check_memory_limit(now, 950).any_step());
    EXPECT_TRUE(core::check_memory_limit(now + core::kReclaimPause, 950).any_step());
}
