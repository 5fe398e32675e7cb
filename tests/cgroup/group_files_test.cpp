#include "cgroup/group_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

TEST(GroupFiles, AFailedWriteNamesTheValueTheFileAndTheReason) {
    const auto written = write_group_file("/no/such/cgroup/cpu.max", "1 2");
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message,
              "cannot write 1 2 to /no/such/cgroup/cpu.max: No such file or directory");
    EXPECT_EQ(written.error().system_errno, ENOENT);
}

TEST(GroupFiles, ReadsWithoutTheLineEnd) {
    const tests::TempDir dir;
    dir.write("cpu.max", "max 100000\n");
    EXPECT_EQ(read_group_file(dir.path() + "/cpu.max"), "max 100000");
    EXPECT_EQ(read_group_file(dir.path() + "/memory.max"), std::nullopt);
}

TEST(GroupFiles, GroupsAreFoundDeepestFirst) {
    const tests::TempDir dir;
    dir.write("a/b/cgroup.procs", "");
    dir.write("a/cgroup.procs", "");
    const std::string top = dir.path() + "/a";
    EXPECT_EQ(groups_below(top), (std::vector<std::string>{top + "/b", top}));
    EXPECT_TRUE(groups_below(dir.path() + "/none").empty());
}

TEST(GroupFiles, ProcessesOfALongListAreAllFound) {
    const tests::TempDir dir;
    std::string text;
    for (int pid = 1; pid <= 20'000; ++pid) text += std::to_string(pid) + "\n";
    dir.write("a/cgroup.procs", text);
    dir.write("b/cgroup.procs", "0\n7\n");
    const auto found = processes_in({dir.path() + "/a", dir.path() + "/b", dir.path() + "/c"});
    ASSERT_EQ(found.size(), 20'002u);
    EXPECT_EQ(found[0], 1);
    EXPECT_EQ(found[19'999], 20'000);
    EXPECT_EQ(found[20'000], 0) << "one that another PID namespace has";
    EXPECT_EQ(found[20'001], 7);
}

TEST(GroupFiles, RemovingSaysWhatStays) {
    const tests::TempDir dir;
    ASSERT_EQ(mkdir((dir.path() + "/a").c_str(), 0755), 0);
    ASSERT_EQ(mkdir((dir.path() + "/a/b").c_str(), 0755), 0);
    EXPECT_EQ(remove_groups(dir.path() + "/a"), 0);
    EXPECT_TRUE(groups_below(dir.path() + "/a").empty());
    EXPECT_EQ(remove_groups(dir.path() + "/a"), 0) << "gone is gone";
    dir.write("c/file", "");
    EXPECT_EQ(remove_groups(dir.path() + "/c"), ENOTEMPTY);
}

}  // namespace
}  // namespace pilotfish::cgroup
