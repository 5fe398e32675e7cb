#include "cgroup/derive.h"

#include <gtest/gtest.h>

namespace pilotfish::cgroup {
namespace {

core::Limits limited_cpus(double cpus, int affinity) {
    core::Limits limits;
    limits.cpu.state = core::LimitState::limited;
    limits.cpu.cpus = cpus;
    limits.cpu.source = "/sys/fs/cgroup/cpu.max";
    limits.cpu.affinity = limits.cpu.online = affinity;
    return limits;
}

core::Limits limited_memory(std::uint64_t bytes) {
    core::Limits limits;
    limits.memory.state = core::LimitState::limited;
    limits.memory.limit_bytes = bytes;
    limits.memory.levels.push_back({"/cg/memory.max", bytes, std::nullopt, true});
    return limits;
}

TEST(Maxprocs, RoundsByPolicy) {
    DerivePolicy policy;
    EXPECT_EQ(derive(limited_cpus(1.5, 8), policy).maxprocs, 2);
    EXPECT_EQ(derive(limited_cpus(0.5, 8), policy).maxprocs, 1);
    EXPECT_EQ(derive(limited_cpus(2, 8), policy).maxprocs, 2);
    EXPECT_EQ(derive(limited_cpus(2.0001, 8), policy).maxprocs, 3);
    policy.rounding = Rounding::floor;
    EXPECT_EQ(derive(limited_cpus(1.9, 8), policy).maxprocs, 1);
    EXPECT_EQ(derive(limited_cpus(0.1, 8), policy).maxprocs, 1);
    policy.rounding = Rounding::round;
    EXPECT_EQ(derive(limited_cpus(1.4, 8), policy).maxprocs, 1);
    EXPECT_EQ(derive(limited_cpus(2.5, 8), policy).maxprocs, 3);
}

TEST(Maxprocs, IsNeverAboveTheAffinityHoweverItIsAsked) {
    DerivePolicy policy;
    EXPECT_EQ(derive(limited_cpus(64, 2), policy).maxprocs, 2);
    EXPECT_EQ(derive(limited_cpus(1e300, 2), policy).maxprocs, 2);
    policy.maxprocs_min = 4;
    EXPECT_EQ(derive(limited_cpus(1, 2), policy).maxprocs, 2);
    EXPECT_EQ(derive(limited_cpus(1, 8), policy).maxprocs, 4);
    policy.maxprocs = 16;
    EXPECT_EQ(derive(limited_cpus(1, 8), policy).maxprocs, 8);
    policy.maxprocs = 0;
    EXPECT_EQ(derive(limited_cpus(1, 8), policy).maxprocs, 1);
}

TEST(Maxprocs, SaysWhy) {
    EXPECT_EQ(derive(limited_cpus(1.5, 8), {}).maxprocs_reason,
              "1.5 CPUs of /sys/fs/cgroup/cpu.max, rounded up");
    EXPECT_EQ(derive(limited_cpus(1, 8), {}).maxprocs_reason, "1 CPU of /sys/fs/cgroup/cpu.max");
    EXPECT_EQ(derive(limited_cpus(4, 2), {}).maxprocs_reason,
              "4 CPUs of /sys/fs/cgroup/cpu.max, but only 2 processors may be used (affinity)");
    core::Limits unknown;
    unknown.cpu.state = core::LimitState::unknown;
    EXPECT_EQ(derive(unknown, {}).maxprocs_reason,
              "the CPU limit is unknown: all 1 processor that may be used (affinity)");
}

TEST(SoftLimit, IsNinetyPercentRoundedDown) {
    const core::DerivedLimits derived = derive(limited_memory(268435456), {});
    EXPECT_EQ(derived.soft_limit_bytes, 241591910u);
    EXPECT_EQ(derived.soft_limit_reason, "90% of 256 MiB of /cg/memory.max");
}

TEST(SoftLimit, OfTheWholeLimitIsExactAtAnySize) {
    DerivePolicy policy;
    policy.memory_share = 1;
    const std::uint64_t large = (std::uint64_t{1} << 61) + 1;
    EXPECT_EQ(derive(limited_memory(large), policy).soft_limit_bytes, large);
    EXPECT_EQ(share_of(1000001, 0.5), 500000u);
}

TEST(SoftLimit, TakesMemoryHighItselfWhereThatIsLeast) {
    core::Limits limits = limited_memory(1000000000);
    limits.memory.levels[0].high_bytes = 850000000;
    EXPECT_EQ(derive(limits, {}).soft_limit_bytes, 850000000u);
    limits.memory.levels[0].high_bytes = 950000000;
    EXPECT_EQ(derive(limits, {}).soft_limit_bytes, 900000000u);
}

TEST(SoftLimit, IsTheLeastOverAllLevels) {
    core::Limits limits = limited_memory(1000);
    limits.memory.levels.push_back({"/cg/parent/memory.max", 500, std::nullopt, true});
    EXPECT_EQ(derive(limits, {}).soft_limit_bytes, 450u);
}

TEST(SoftLimit, IsNoneWithoutALimitBelowTheMachine) {
    core::Limits limits = limited_memory(1000);
    limits.memory.total_bytes = 1000;
    EXPECT_EQ(derive(limits, {}).soft_limit_bytes, std::nullopt);
    EXPECT_EQ(derive(core::Limits(), {}).soft_limit_reason, "no memory limit");
}

TEST(SoftLimit, CanBeASizeOrOff) {
    DerivePolicy policy;
    policy.memory = DerivePolicy::Memory::size;
    policy.memory_size_bytes = 123;
    EXPECT_EQ(derive(core::Limits(), policy).soft_limit_bytes, 123u);
    policy.memory_size_bytes = 5000;
    EXPECT_EQ(derive(limited_memory(1000), policy).soft_limit_reason,
              "set to 5000 bytes, which is not below the container's limit of 1000 bytes");
    policy.memory = DerivePolicy::Memory::off;
    EXPECT_EQ(derive(limited_memory(1000), policy).soft_limit_bytes, std::nullopt);
}

TEST(Words, AreShort) {
    EXPECT_EQ(cpus_text(1.5), "1.5");
    EXPECT_EQ(cpus_text(100), "100");
    EXPECT_EQ(cpus_text(0.25), "0.25");
    EXPECT_EQ(cpus_text(1.0 / 3), "0.333");
    EXPECT_EQ(bytes_text(268435456), "256 MiB");
    EXPECT_EQ(bytes_text(241591910), "230.4 MiB");
    EXPECT_EQ(bytes_text(4095), "4095 bytes");
}

}  // namespace
}  // namespace pilotfish::cgroup
