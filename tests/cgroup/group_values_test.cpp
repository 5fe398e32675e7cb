#include "cgroup/group_values.h"

#include <gtest/gtest.h>

namespace pilotfish::cgroup {
namespace {

std::string text_of(const GroupLimits& limits, std::string_view controller, int version) {
    std::string text;
    for (const GroupValue& value : values_for(limits, controller, version))
        text += value.file + "=" + value.text + ";";
    return text;
}

TEST(GroupValues, HalfAProcessorIsHalfThePeriodInBothVersions) {
    const GroupLimits limits{.cpus = 0.5};
    EXPECT_EQ(text_of(limits, "cpu", 2), "cpu.max=50000 100000;");
    EXPECT_EQ(text_of(limits, "cpu", 1), "cpu.cfs_period_us=100000;cpu.cfs_quota_us=50000;");
}

TEST(GroupValues, AQuotaBelowTheKernelsLeastIsGivenOverALongerPeriod) {
    EXPECT_EQ(text_of({.cpus = 0.01}, "cpu", 2), "cpu.max=1000 100000;");
    EXPECT_EQ(text_of({.cpus = 0.005}, "cpu", 2), "cpu.max=5000 1000000;");
    EXPECT_EQ(text_of({.cpus = 0.0001}, "cpu", 2), "cpu.max=1000 1000000;");
}

TEST(GroupValues, AWeightBecomesSharesSoThatTheDefaultsOfBothVersionsAreOne) {
    EXPECT_EQ(text_of({.cpu_weight = 100}, "cpu", 2), "cpu.weight=100;");
    EXPECT_EQ(text_of({.cpu_weight = 100}, "cpu", 1), "cpu.shares=1024;");
    EXPECT_EQ(text_of({.cpu_weight = 200}, "cpu", 1), "cpu.shares=2048;");
    EXPECT_EQ(text_of({.cpu_weight = 1}, "cpu", 1), "cpu.shares=10;");
    EXPECT_EQ(text_of({.cpu_weight = 10000}, "cpu", 1), "cpu.shares=102400;");
}

TEST(GroupValues, MemoryHighHasNoCounterpartOnV1) {
    const GroupLimits limits{.memory_bytes = 64 << 20, .memory_high_bytes = 32 << 20};
    EXPECT_EQ(text_of(limits, "memory", 2), "memory.high=33554432;memory.max=67108864;");
    EXPECT_EQ(text_of(limits, "memory", 1), "memory.limit_in_bytes=67108864;");
    EXPECT_TRUE(has_counterpart(limits, 2));
    EXPECT_FALSE(has_counterpart(limits, 1));
    EXPECT_TRUE(has_counterpart({.memory_bytes = 1}, 1));
}

TEST(GroupValues, PidsAreTheSameInBoth) {
    EXPECT_EQ(text_of({.pids = 20}, "pids", 1), "pids.max=20;");
    EXPECT_EQ(text_of({.pids = 20}, "pids", 2), "pids.max=20;");
    EXPECT_EQ(text_of({.pids = 20}, "cpu", 2), "");
}

TEST(GroupValues, OnlyTheControllersThatAreNeededAreNamed) {
    EXPECT_TRUE(controllers_for({}).empty());
    EXPECT_FALSE(GroupLimits{}.any());
    EXPECT_EQ(controllers_for({.cpu_weight = 1}), std::vector<std::string>{"cpu"});
    EXPECT_EQ(controllers_for({.memory_high_bytes = 1, .pids = 1}),
              (std::vector<std::string>{"memory", "pids"}));
}

TEST(GroupValues, TheKernelRoundsSizesDownToPagesAndNothingElse) {
    const GroupValue size{"memory", "memory.max", "100000000"};
    EXPECT_TRUE(is_answer_to(size, "100000000\n"));
    EXPECT_TRUE(is_answer_to(size, "99999744\n"));  // 24414 pages of 4 KiB
    EXPECT_FALSE(is_answer_to(size, "99000000\n"));
    EXPECT_FALSE(is_answer_to(size, "100004096\n"));
    EXPECT_FALSE(is_answer_to(size, "max\n"));
    EXPECT_FALSE(is_answer_to(size, ""));
    const GroupValue pids{"pids", "pids.max", "20"};
    EXPECT_TRUE(is_answer_to(pids, "20\n"));
    EXPECT_FALSE(is_answer_to(pids, "19\n"));
}

}  // namespace
}  // namespace pilotfish::cgroup
