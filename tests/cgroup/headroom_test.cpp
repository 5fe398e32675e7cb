#include "cgroup/headroom.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "cgroup/limits_reader.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;

MemoryLevelUsage level(const std::string& source, std::uint64_t used, std::uint64_t limit) {
    return {source, limit, used, false};
}

TEST(Headroom, IsThatOfTheFullestLevelWhichIsNamed) {
    Usage usage;
    usage.memory_levels = {level("/c/memory.max", 60, 100), level("/pod/memory.max", 190, 200)};
    const auto near = headroom(usage);
    ASSERT_TRUE(near.has_value());
    EXPECT_EQ(near->source, "/pod/memory.max");
    EXPECT_DOUBLE_EQ(near->load, 0.95);
    EXPECT_EQ(near->left_bytes(), 10u);
    EXPECT_FALSE(near->at_least);
}

TEST(Headroom, ALevelThatOnlyHasAHighIsNoLimit) {
    Usage usage;
    usage.memory_levels = {{"/c/memory.max", std::nullopt, 100, false, 100}};
    EXPECT_FALSE(headroom(usage).has_value());
}

TEST(Headroom, OfNoLimitOrOfUsageThatIsNotToldIsNone) {
    Usage usage;
    EXPECT_FALSE(headroom(usage).has_value());
    usage.memory_levels = {{"/c/memory.max", 100, std::nullopt, false}};
    EXPECT_FALSE(headroom(usage).has_value());
}

TEST(Headroom, AboveTheLimitIsNoneLeftAndALimitOfNothingIsFull) {
    Usage usage;
    usage.memory_levels = {level("/c/memory.max", 120, 100)};
    EXPECT_DOUBLE_EQ(headroom(usage)->load, 1.2);
    EXPECT_EQ(headroom(usage)->left_bytes(), 0u);
    usage.memory_levels = {level("/c/memory.max", 0, 0)};
    EXPECT_DOUBLE_EQ(headroom(usage)->load, 1);
}

std::optional<Headroom> headroom_of(const tests::TempDir& container) {
    const FileSource source = tests::replayed_source(container.path());
    UsageReader reader(source, read_limits(source));
    return headroom(reader.read(UsageReader::TimePoint(1h)));
}

// dotnet/runtime#113193: 60 of the leaf over the pod's 400 looks idle, and the pod is at 97%.
TEST(Headroom, OfAnAncestorCountsWhatItsOtherMembersUse) {
    const tests::TempDir pod;
    pod.write("proc/self/cgroup", "0::/pod/c\n");
    pod.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    pod.write("proc/meminfo", "MemTotal: 16384 kB\n");
    pod.write("cg/memory.max", "17179869184\n");  // more than the machine has: no limit
    pod.write("cg/memory.current", "17179869184\n");
    pod.write("cg/memory.stat", "inactive_file 0\n");
    pod.write("cg/pod/memory.max", "4096000\n");
    pod.write("cg/pod/memory.current", "4096000\n");
    pod.write("cg/pod/memory.stat", "inactive_file 122880\n");
    pod.write("cg/pod/c/memory.max", "8192000\n");
    pod.write("cg/pod/c/memory.current", "614400\n");
    pod.write("cg/pod/c/memory.stat", "inactive_file 0\n");
    const auto near = headroom_of(pod);
    ASSERT_TRUE(near.has_value());
    EXPECT_EQ(near->source, "/cg/pod/memory.max");
    EXPECT_DOUBLE_EQ(near->load, 0.97);
}

TEST(Headroom, OfAHiddenV1AncestorIsOurShareOfItAndSaysSo) {
    const tests::TempDir container;
    container.write("proc/self/cgroup", "4:memory:/pod/c\n");
    container.write("proc/self/mountinfo",
                    "76 72 0:32 /pod/c /cg/memory ro - cgroup cgroup rw,memory\n");
    container.write("cg/memory/memory.limit_in_bytes", "9223372036854771712\n");
    container.write("cg/memory/memory.usage_in_bytes", "5000\n");
    container.write("cg/memory/memory.stat",
                    "hierarchical_memory_limit 10000\ntotal_inactive_file 1000\n");
    const auto near = headroom_of(container);
    ASSERT_TRUE(near.has_value());
    EXPECT_DOUBLE_EQ(near->load, 0.4);
    EXPECT_TRUE(near->at_least);
}

}  // namespace
}  // namespace pilotfish::cgroup
