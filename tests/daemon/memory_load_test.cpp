#include "daemon/memory_load.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

cgroup::MemoryLevelUsage level(std::uint64_t used, std::optional<std::uint64_t> limit,
                               std::optional<std::uint64_t> high = std::nullopt,
                               std::optional<std::uint64_t> firm = std::nullopt) {
    return {"/cg/memory.max", limit, used, false, high, firm};
}

MemoryLoad load_of(const cgroup::Usage& usage, std::uint64_t soft,
                   cgroup::DerivePolicy::Memory kind = cgroup::DerivePolicy::Memory::share) {
    cgroup::DerivePolicy policy;
    policy.memory = kind;
    policy.memory_share = 0.9;
    core::DerivedLimits derived;
    derived.soft_limit_bytes = soft;
    return memory_load(usage, derived, policy);
}

// The pod is the fullest by far of its own limit; the container's low memory.high is not the pod's.
TEST(MemoryLoad, ComparesEachLevelWithItsOwnLimits) {
    cgroup::Usage usage;
    usage.memory_levels = {level(50, 1000, 100), level(1600, 2000)};
    EXPECT_EQ(load_of(usage, 100).working_set, (MemoryNearness{1600, 1800}));
    usage.memory_levels[0].working_set_bytes = 95;
    EXPECT_EQ(load_of(usage, 100).working_set, (MemoryNearness{95, 100}));
}

TEST(MemoryLoad, ALevelThatHasOnlyAHighCountsToo) {
    cgroup::Usage usage;
    usage.memory_levels = {level(100, 1000), level(480, std::nullopt, 500)};
    EXPECT_EQ(load_of(usage, 500).working_set, (MemoryNearness{480, 500}));
}

TEST(MemoryLoad, ASizeSetByHandIsComparedWithTheOwnGroupAlone) {
    cgroup::Usage usage;
    usage.memory.usage_bytes = 300;
    usage.memory.inactive_file_bytes = 100;
    usage.memory.active_file_bytes = 50;
    usage.memory_levels = {level(1900, 2000)};
    const MemoryLoad load = load_of(usage, 400, cgroup::DerivePolicy::Memory::size);
    EXPECT_EQ(load.working_set, (MemoryNearness{200, 400}));
    EXPECT_EQ(load.firm, (MemoryNearness{150, 400}));
}

TEST(MemoryLoad, PageCacheMakesTheWorkingSetAndNotTheFirmPart) {
    cgroup::Usage usage;
    usage.memory_levels = {level(990, 1000, std::nullopt, 300), level(700, 1000)};
    const MemoryLoad load = load_of(usage, 900);
    EXPECT_EQ(load.working_set, (MemoryNearness{990, 900}));
    EXPECT_EQ(load.firm, (MemoryNearness{700, 900})) << "what is not told counts as a whole";
}

TEST(MemoryLoad, IsNoneWithoutASoftLimitOrWhereNobodyTells) {
    cgroup::Usage usage;
    EXPECT_EQ(load_of(usage, 900).working_set.soft_bytes, std::nullopt);
    usage.memory_levels = {level(990, 1000)};
    usage.memory_levels[0].working_set_bytes.reset();
    EXPECT_EQ(load_of(usage, 900).working_set.load(), 0);
    usage.memory_levels[0].working_set_bytes = 990;
    EXPECT_EQ(memory_load(usage, {}, {}).working_set.soft_bytes, std::nullopt);
}

}  // namespace
}  // namespace pilotfish::daemon
