#include "cgroup/finder.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

TEST(Mountinfo, KeepsOnlyCgroupFileSystems) {
    const MountTable table = parse_mountinfo(
        "22 27 0:21 / /proc rw - proc proc rw\n"
        "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
        "42 31 0:39 / /x rw - cgroup2fs none rw\n");
    ASSERT_EQ(table.mounts.size(), 2u);
    EXPECT_EQ(table.mounts[0].version, 1);
    EXPECT_EQ(table.mounts[0].options, "rw,cpu");
    EXPECT_EQ(table.mounts[1].version, 2);
    EXPECT_EQ(table.malformed_lines, 0);
}

TEST(Mountinfo, TakesAnyNumberOfOptionalFields) {
    for (const std::string optional : {"", "shared:1 ", "shared:1 master:2 ",
                                       "shared:1 master:2 propagate_from:3 unbindable "}) {
        const MountTable table =
            parse_mountinfo("1 2 0:3 /r /m rw,noatime " + optional + "- cgroup2 src rw\n");
        ASSERT_EQ(table.mounts.size(), 1u) << optional;
        EXPECT_EQ(table.mounts[0].root, "/r");
        EXPECT_EQ(table.mounts[0].mount_point, "/m");
    }
}

TEST(Mountinfo, FindsTheSeparatorOnlyAfterTheSixFixedFields) {
    const MountTable table = parse_mountinfo("1 2 0:3 - /m - - cgroup2 src rw\n");
    EXPECT_TRUE(table.mounts.empty());  // root "-" is not absolute
    EXPECT_EQ(table.malformed_lines, 1);
    const MountTable dashed = parse_mountinfo("1 2 0:3 /- /- rw - cgroup2 - rw\n");
    ASSERT_EQ(dashed.mounts.size(), 1u);
    EXPECT_EQ(dashed.mounts[0].mount_point, "/-");
}

TEST(Mountinfo, KeepsSpacesInSuperOptionsAndBearsAnEmptySource) {
    const MountTable table = parse_mountinfo(
        "1 2 0:3 / /m rw - cgroup  rw,cpu\n"
        "1 2 0:3 / /n rw - cgroup x rw,a b,memory c\n");
    ASSERT_EQ(table.mounts.size(), 2u);
    EXPECT_EQ(table.mounts[0].options, "rw,cpu");
    EXPECT_EQ(table.mounts[1].options, "rw,a b,memory c");
}

TEST(Mountinfo, CountsLinesItCannotUnderstand) {
    const MountTable table =
        parse_mountinfo("1 2 - cgroup\n - cgroup2 - cgroup2\n1 2 3 4 5 6 - cgroup2");
    EXPECT_TRUE(table.mounts.empty());
    EXPECT_EQ(table.malformed_lines, 3);
}

TEST(OctalEscapes, AreTheKernelsFour) {
    EXPECT_EQ(unescape_octal("a\\040b\\011c\\012d\\134e"), "a b\tc\nd\\e");
    EXPECT_EQ(unescape_octal("\\134040"), "\\040");  // an escaped backslash escapes nothing more
}

TEST(OctalEscapes, LeaveTextThatIsNoEscape) {
    for (const std::string text : {"\\", "\\0", "\\04", "\\048", "\\999", "\\x40", "plain", ""})
        EXPECT_EQ(unescape_octal(text), text);
}

TEST(MembershipLine, IsSplitAtTheFirstTwoColonsOnlyAndNotUnescaped) {
    const MembershipTable table =
        parse_membership("4:cpu,cpuacct:/a:b:c\n0::/pf probe:x\\040y\n1:name=systemd:/\n");
    ASSERT_EQ(table.lines.size(), 3u);
    EXPECT_EQ(table.lines[0].controllers, "cpu,cpuacct");
    EXPECT_EQ(table.lines[0].path, "/a:b:c");
    EXPECT_FALSE(table.lines[0].unified);
    EXPECT_EQ(table.lines[1].path, "/pf probe:x\\040y");
    EXPECT_TRUE(table.lines[1].unified);
    EXPECT_EQ(table.malformed_lines, 0);
}

TEST(MembershipLine, WithoutTwoColonsIsCountedAsMalformed) {
    const MembershipTable table = parse_membership("nothing\n1:cpu\n\n0::/");
    EXPECT_EQ(table.lines.size(), 1u);
    EXPECT_EQ(table.malformed_lines, 2);
}

TEST(ControllerList, MatchesWholeWords) {
    EXPECT_TRUE(list_holds("rw,cpu,cpuacct", "cpu"));
    EXPECT_TRUE(list_holds("cpu", "cpu"));
    EXPECT_FALSE(list_holds("rw,cpuacct,cpuset", "cpu"));
    EXPECT_FALSE(list_holds("name=cpu", "cpu"));
    EXPECT_FALSE(list_holds("", "cpu"));
}

TEST(StripRoot, RespectsComponentBoundaries) {
    EXPECT_EQ(strip_root("/a/b", "/a/b/c"), "/c");
    EXPECT_EQ(strip_root("/a/b", "/a/b"), "");
    EXPECT_EQ(strip_root("/a/b", "/a/bc"), std::nullopt);
    EXPECT_EQ(strip_root("/a/b", "/a"), std::nullopt);
    EXPECT_EQ(strip_root("/", "/a"), "/a");
    EXPECT_EQ(strip_root("/", "/"), "/");
    EXPECT_EQ(strip_root("/..", "/../x"), "/x");
}

TEST(FindController, AMemberOfTheDaemonsLeafIsAMemberOfTheGroupAbove) {
    const auto own_directory = [](const std::string& membership) {
        const tests::TempDir dir;
        dir.write("proc/self/cgroup", membership + "\n");
        dir.write("proc/self/mountinfo", "30 1 0:25 / /cg rw - cgroup2 cgroup rw\n");
        dir.write("cg/pod/pilotfish.daemon/cgroup.procs", "");
        dir.write("cg/pod/web/cgroup.procs", "");
        dir.write("cg/pilotfish.daemon/cgroup.procs", "");
        const FileSource source = tests::replayed_source(dir.path());
        return find_controller(source, read_tables(source), "memory").directories.front();
    };
    EXPECT_EQ(own_directory("0::/pod/pilotfish.daemon"), "/cg/pod");
    EXPECT_EQ(own_directory("0::/pilotfish.daemon"), "/cg") << "of a namespace's root";
    EXPECT_EQ(own_directory("0::/pod/web"), "/cg/pod/web");
}

}  // namespace
}  // namespace pilotfish::cgroup
