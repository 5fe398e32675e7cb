#include "cgroup/memory_limit.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/cgroup/replayed.h"

namespace pilotfish::cgroup {
namespace {

TEST(MemoryMax, IsBytesOrMax) {
    EXPECT_EQ(parse_memory_max("268435456\n").value(), 268435456u);
    EXPECT_EQ(parse_memory_max("0").value(), 0u);
    EXPECT_EQ(parse_memory_max("max\n").value(), std::nullopt);
    EXPECT_EQ(parse_memory_max("18446744073709551615").value(), UINT64_MAX);
}

TEST(MemoryMax, DistrustsEverythingElse) {
    for (const std::string text :
         {"", "-1", "256M", "1 2", "max 1", "18446744073709551616", "1e9", "0x10"})
        EXPECT_FALSE(parse_memory_max(text).ok()) << text;
}

TEST(LimitInBytes, OfTwoToThe63MinusAPageMeansNoneForEveryPageSize) {
    EXPECT_EQ(parse_limit_in_bytes("9223372036854771712").value(), std::nullopt);  // 4 KiB pages
    EXPECT_EQ(parse_limit_in_bytes("9223372036854710272").value(), std::nullopt);  // 64 KiB pages
    EXPECT_EQ(parse_limit_in_bytes("9223372036854775807").value(), std::nullopt);
    EXPECT_EQ(parse_limit_in_bytes("9223372036854710271").value(), 9223372036854710271u);
    EXPECT_FALSE(parse_limit_in_bytes("max").ok());
}

TEST(MemoryLevels, AreReportedOwnGroupFirstWithRawValues) {
    const core::Limits limits = tests::replayed("v2-high-on-parent-undercuts-max-on-leaf");
    ASSERT_EQ(limits.memory.levels.size(), 3u);
    EXPECT_EQ(limits.memory.levels[0].source, "/sys/fs/cgroup/pod/c/memory.max");
    EXPECT_EQ(limits.memory.levels[0].max_bytes, 268435456u);
    EXPECT_EQ(limits.memory.levels[1].high_bytes, 209715200u);
    EXPECT_EQ(limits.memory.levels[2].max_bytes, std::nullopt);
    EXPECT_EQ(limits.memory.high_bytes, 209715200u);
}

TEST(MemoryLevels, AboveTheMachineAreShownAndDoNotLimit) {
    const core::Limits limits = tests::replayed("v2-memory-max-above-machine-size");
    EXPECT_EQ(limits.memory.state, core::LimitState::unlimited);
    EXPECT_EQ(limits.memory.levels.at(0).max_bytes, 16777216001u);
    EXPECT_EQ(limits.memory.total_bytes, 16777216000u);
}

TEST(HiddenAncestors, AreToldFromTheRootOfTheHierarchy) {
    EXPECT_TRUE(tests::replayed("v2-container").memory.ancestors_hidden);
    EXPECT_TRUE(tests::replayed("v2-bind-mounted-subtree").cpu.ancestors_hidden);
    EXPECT_TRUE(tests::replayed("v1-container-host-namespace").memory.ancestors_hidden);
    EXPECT_FALSE(tests::replayed("v2-host-root-group").cpu.ancestors_hidden);
}

}  // namespace
}  // namespace pilotfish::cgroup
