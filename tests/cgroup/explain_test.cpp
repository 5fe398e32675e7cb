#include "cgroup/explain.h"

#include <gtest/gtest.h>

#include <string>

#include "cgroup/derive.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

std::string explained(const std::string& situation, bool colour = false) {
    const core::Limits limits = tests::replayed(situation);
    return explain(limits, derive(limits, {}), colour);
}

TEST(Explain, NamesFileLevelRuleAndMeaning) {
    EXPECT_EQ(explained("v2-least-of-leaf-and-parent"), R"(CPU       1.5 CPUs
  file    /sys/fs/cgroup/pod/c/cpu.max (cgroup v2)
  level   the own group, the least of 3 visible levels
  machine 8 processors online, 8 allowed (affinity)
  so      2 scheduler processors: 1.5 CPUs of /sys/fs/cgroup/pod/c/cpu.max, rounded up

memory    512 MiB (536870912 bytes)
  file    /sys/fs/cgroup/pod/c/memory.max (cgroup v2)
  level   the own group, the least of 3 visible levels
  machine 15.6 GiB of memory
  so      soft limit 460.8 MiB (483183820 bytes): 90% of 512 MiB of /sys/fs/cgroup/pod/c/memory.max
)");
}

TEST(Explain, SaysWhatIsHiddenAndWhatIsUnknown) {
    const std::string hidden = explained("v1-hierarchical-limit-shows-hidden-parent");
    EXPECT_NE(hidden.find("hierarchical_memory_limit: a group above that is hidden"),
              std::string::npos);
    const std::string unknown = explained("v2-namespace-hides-the-quota");
    EXPECT_NE(unknown.find("CPU       unknown: see the warnings"), std::string::npos);
    EXPECT_NE(unknown.find("warning cannot find group / below /sys/fs/cgroup"), std::string::npos);
    const std::string root = explained("v2-host-root-group");
    EXPECT_NE(root.find("no limit"), std::string::npos);
    EXPECT_EQ(root.find("hidden"), std::string::npos);
}

TEST(Explain, PassesNoEscapeSequenceOfAGroupsNameOn) {
    const tests::TempDir container;
    container.write("proc/self/cgroup", "0::/a\x1b[31m\n");
    container.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    container.write("cg/a\x1b[31m/cpu.max", "100000 100000\n");
    container.write("cg/a\x1b[31m/memory.max", "\x1b[31m\n");
    const FileSource source = tests::replayed_source(container.path());
    const core::Limits limits = read_limits(source);
    EXPECT_EQ(limits.cpu.cpus, 1);
    EXPECT_EQ(limits.warnings.size(), 1u);
    EXPECT_EQ(explain(limits, derive(limits, {}), false).find('\x1b'), std::string::npos);
}

TEST(Explain, UsesColourOnlyWhenAsked) {
    EXPECT_EQ(explained("v2-cpu-max-zero-period").find('\x1b'), std::string::npos);
    EXPECT_NE(explained("v2-cpu-max-zero-period", true).find("\x1b[1;33m"), std::string::npos);
}

}  // namespace
}  // namespace pilotfish::cgroup
