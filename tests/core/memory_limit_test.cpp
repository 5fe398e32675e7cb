#include "core/memory_limit.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>

namespace core = pilotfish::core;
namespace runtime = pilotfish::runtime;

namespace {

int shrinks = 0;
void count_shrink() noexcept { ++shrinks; }

// The limit is the process's: every test leaves it as it found it.
struct MemoryLimit : testing::Test {
    ~MemoryLimit() override { runtime::set_memory_limit(std::nullopt); }
};

}  // namespace

TEST_F(MemoryLimit, IsNoneUntilItIsSet) {
    EXPECT_EQ(runtime::memory_limit(), std::nullopt);
    EXPECT_EQ(runtime::set_memory_limit(1000), std::nullopt);
    EXPECT_EQ(runtime::memory_limit(), 1000U);
    EXPECT_EQ(runtime::set_memory_limit(std::nullopt), 1000U);
}

TEST_F(MemoryLimit, IsReachedWhenTheHeapHoldsAsMuch) {
    const auto now = core::TimePoint(std::chrono::hours(1000));
    EXPECT_FALSE(core::memory_limit_reached(now));
    runtime::set_memory_limit(std::uint64_t{1} << 40);
    EXPECT_FALSE(core::memory_limit_reached(now));
    runtime::set_memory_limit(0);
    EXPECT_TRUE(core::memory_limit_reached(now));
}

TEST_F(MemoryLimit, AStepRunsTheShrinkersAndIsCountedAndNotRepeatedAtOnce) {
    core::add_shrinker(count_shrink);
    runtime::set_memory_limit(0);
    const auto before = runtime::reclaim_totals();
    runtime::reclaim();
    EXPECT_EQ(shrinks, 1);
    EXPECT_EQ(runtime::reclaim_totals().cycles, before.cycles + 1);
    const auto just_now = core::from_ns(core::monotonic_ns());
    EXPECT_FALSE(core::memory_limit_reached(just_now));
    EXPECT_TRUE(core::memory_limit_reached(just_now + core::kReclaimPause));
}
