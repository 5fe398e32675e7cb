#include "cgroup/oom_counter.h"

#include <gtest/gtest.h>

#include "cgroup/limits_reader.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

class OomCounterTest : public testing::Test {
  protected:
    tests::TempDir container_;
    const FileSource source_ = tests::replayed_source(container_.path());
};

TEST_F(OomCounterTest, OnV2CountsOomKillAndNotOom) {
    container_.write("g/memory.events", "low 0\nhigh 0\nmax 90\noom 7\noom_kill 2\n");
    OomCounter counter(source_, "/g", 2);
    const auto kills = counter.read();
    ASSERT_TRUE(kills.has_value());
    EXPECT_EQ(kills->kills, 2u);
    EXPECT_EQ(kills->group_kills, 0u);
    EXPECT_TRUE(counter.counts_descendants());
}

TEST_F(OomCounterTest, ReadsAgainOverItsKeptDescriptor) {
    container_.write("g/memory.events", "oom_kill 2\noom_group_kill 0\n");
    OomCounter counter(source_, "/g", 2);
    EXPECT_EQ(counter.read()->kills, 2u);
    container_.write("g/memory.events", "oom_kill 9\noom_group_kill 1\n");
    EXPECT_EQ(counter.read()->kills, 9u);
    EXPECT_EQ(counter.read()->group_kills, 1u);
}

TEST_F(OomCounterTest, OnV1ReadsOomControlAndIgnoresUnderOom) {
    container_.write("g/memory.oom_control", "oom_kill_disable 0\nunder_oom 1\noom_kill 0\n");
    OomCounter counter(source_, "/g", 1);
    EXPECT_EQ(counter.read()->kills, 0u);
    EXPECT_FALSE(counter.counts_descendants());
}

TEST_F(OomCounterTest, TellsNothingWhereThereIsNoCount) {
    EXPECT_FALSE(OomCounter().read().has_value());
    EXPECT_FALSE(OomCounter(source_, "/none", 2).read().has_value());
    container_.write("old/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\n");
    EXPECT_FALSE(OomCounter(source_, "/old", 1).read().has_value());
}

TEST_F(OomCounterTest, OfTheContainerIsThatOfTheOwnGroupNotOfTheOneThatOwnsTheLimit) {
    container_.write("proc/self/cgroup", "0::/pod/c\n");
    container_.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    container_.write("cg/pod/memory.max", "268435456\n");
    container_.write("cg/pod/memory.events", "oom_kill 11\n");
    container_.write("cg/pod/c/memory.max", "max\n");
    container_.write("cg/pod/c/memory.events", "oom_kill 1\n");
    const core::Limits limits = read_limits(source_);
    ASSERT_EQ(limits.memory.source, "/cg/pod/memory.max");
    EXPECT_EQ(OomCounter::of_container(source_, limits).read()->kills, 1u);
}

TEST_F(OomCounterTest, OfAContainerInTheV1RootGroupIsFoundToo) {
    container_.write("proc/self/cgroup", "4:memory:/\n");
    container_.write("proc/self/mountinfo", "76 72 0:32 / /cg rw - cgroup cgroup rw,memory\n");
    container_.write("cg/cgroup.sane_behavior", "0\n");
    container_.write("cg/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n");
    EXPECT_EQ(OomCounter::of_container(source_, read_limits(source_)).read()->kills, 4u);
}

TEST_F(OomCounterTest, OfNoContainerTellsNothing) {
    container_.write("proc/self/cgroup", "");
    container_.write("proc/self/mountinfo", "");
    EXPECT_FALSE(OomCounter::of_container(source_, read_limits(source_)).read().has_value());
}

TEST_F(OomCounterTest, TheGroupsMemoryIsItsOwnLimitAndPeak) {
    container_.write("two/memory.max", "33554432\n");
    container_.write("two/memory.peak", "33550336\n");
    container_.write("one/memory.limit_in_bytes", "9223372036854771712\n");
    container_.write("one/memory.max_usage_in_bytes", "4096\n");
    const GroupMemory two = read_group_memory(source_, "/two", 2);
    EXPECT_EQ(two.limit_bytes, 33554432u);
    EXPECT_EQ(two.peak_bytes, 33550336u);
    const GroupMemory one = read_group_memory(source_, "/one", 1);
    EXPECT_EQ(one.limit_bytes, std::nullopt);
    EXPECT_EQ(one.peak_bytes, 4096u);
    const GroupMemory none = read_group_memory(source_, "/none", 2);
    EXPECT_FALSE(none.limit_bytes || none.peak_bytes);
}

}  // namespace
}  // namespace pilotfish::cgroup
