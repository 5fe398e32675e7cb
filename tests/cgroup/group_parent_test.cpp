// The v2 rules against the kernel itself: hugetlb is a controller of v2 even where cpu and memory
// are on v1. What no kernel here shows is played with plain files.
#include "cgroup/group_parent.h"

#include <gtest/gtest.h>

#include "tests/cgroup/real_groups.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using tests::RealParents;
using tests::TempDir;
using tests::WaitingChild;

std::string read(const std::string& path) { return read_group_file(path).value_or("absent"); }

// Runs in a child process, which alone is moved; true when every fact in it held.
bool in_a_process(const std::function<bool()>& facts) {
    const pid_t pid = fork();
    if (pid == 0) _exit(facts() ? 0 : 1);
    int status = 0;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class GroupParentOnV2 : public testing::Test {
  protected:
    void SetUp() override {
        if (!parents_.why_not().empty()) GTEST_SKIP() << parents_.why_not();
        // Of the root of the machine it may be asked, and harms nobody.
        const std::string above = directory().substr(0, directory().rfind('/'));
        const auto handed_down = write_group_file(above + "/cgroup.subtree_control", "+hugetlb");
        if (!handed_down) GTEST_SKIP() << handed_down.error().message;
    }
    std::string directory() const { return parents_.list().front().directory; }
    std::string leaf() const { return directory() + "/" + std::string(kDaemonLeaf); }
    GroupParents prepare(std::vector<std::string> controllers = {"hugetlb"}) const {
        return GroupParents::prepare(GroupParent{2, "", directory(), std::move(controllers)});
    }
    bool enter() const { return write_group_file(directory() + "/cgroup.procs", "0").ok(); }

    const RealParents parents_{{"unified"}};
};

TEST_F(GroupParentOnV2, TheDaemonMovesToALeafAndControllersAreHandedDown) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        const GroupParents parents = prepare();
        return parents.problems().empty() && parents.list().size() == 1 &&
               read(directory() + "/cgroup.subtree_control") == "hugetlb" &&
               processes_in({leaf()}) == std::vector<pid_t>{getpid()} &&
               processes_in({directory()}).empty();
    }));
}

TEST_F(GroupParentOnV2, AllOfItIsTakenBack) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        GroupParents parents = prepare();
        parents.take_back();
        return read(directory() + "/cgroup.subtree_control") == "" &&
               processes_in({directory()}) == std::vector<pid_t>{getpid()} &&
               access(leaf().c_str(), F_OK) != 0;
    }));
}

TEST_F(GroupParentOnV2, WithSomebodyElseInTheGroupNothingIsDoneAndTheMendIsSaid) {
    WaitingChild other([this] { enter(); });
    std::string sentence;
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        const GroupParents parents = prepare();
        return parents.list().empty() && parents.problems().size() == 1 &&
               parents.problems().front().sentence.find(
                   "1 other processes stand in it; start pilotfish as the container's own "
                   "command") != std::string::npos &&
               access(leaf().c_str(), F_OK) != 0 && processes_in({directory()}).size() == 2;
    }));
}

TEST_F(GroupParentOnV2, WhatAKilledDaemonLeftIsTakenOverAndTakenBack) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        GroupParents parents = prepare();
        _exit(parents.list().size() == 1 ? 0 : 1);  // as if killed: nothing is taken back
    }));
    EXPECT_EQ(read(directory() + "/cgroup.subtree_control"), "hugetlb");
    EXPECT_TRUE(in_a_process([this] {
        GroupParents parents = prepare();
        if (parents.list().size() != 1 || processes_in({leaf()}).size() != 1) return false;
        parents.take_back();
        return access(leaf().c_str(), F_OK) != 0;
    }));
}

TEST_F(GroupParentOnV2, AnotherDaemonBesideKeepsWhatItNeeds) {
    WaitingChild other([this] {
        enter();
        new GroupParents(prepare());  // lives as long as its process
    });
    EXPECT_TRUE(in_a_process([this] {
        GroupParents parents = prepare();
        parents.take_back();
        return read(directory() + "/cgroup.subtree_control") == "hugetlb";
    }));
    EXPECT_EQ(processes_in({leaf()}), std::vector<pid_t>{other.pid()});
}

TEST_F(GroupParentOnV2, GroupsThatSomebodyMadeMeanwhileKeepTheirControllers) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        if (mkdir((directory() + "/before").c_str(), 0755) != 0) return false;
        GroupParents parents = prepare();
        if (mkdir((directory() + "/meanwhile").c_str(), 0755) != 0) return false;
        parents.take_back();
        return read(directory() + "/cgroup.subtree_control") == "hugetlb" &&
               read(directory() + "/meanwhile/cgroup.controllers") == "hugetlb";
    }));
}

TEST_F(GroupParentOnV2, GroupsThatWereThereBeforeHadNoControllersAndLoseNone) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        if (mkdir((directory() + "/before").c_str(), 0755) != 0) return false;
        GroupParents parents = prepare();
        parents.take_back();
        return read(directory() + "/cgroup.subtree_control") == "" &&
               access(leaf().c_str(), F_OK) != 0;
    }));
}

TEST_F(GroupParentOnV2, AControllerThatIsNotHandedDownToUsIsSaid) {
    EXPECT_TRUE(in_a_process([this] {
        if (!enter()) return false;
        const GroupParents parents = prepare({"memory", "hugetlb"});
        return parents.list().size() == 1 && parents.problems().size() == 1 &&
               parents.problems().front().controller == "memory" &&
               parents.list().front().controllers == std::vector<std::string>{"hugetlb"};
    }));
}

TEST_F(GroupParentOnV2, AThreadedGroupIsRefused) {
    ASSERT_TRUE(write_group_file(directory() + "/cgroup.type", "threaded"));
    const GroupParents parents = prepare();
    EXPECT_TRUE(parents.list().empty());
    ASSERT_EQ(parents.problems().size(), 1u);
    EXPECT_NE(parents.problems().front().sentence.find("it is threaded"), std::string::npos)
        << parents.problems().front().sentence;
}

TEST(GroupParents, WhereDirectoriesAreReadOnlyTheReasonIsSaid) {
    const GroupParents parents =
        GroupParents::prepare(GroupParent{1, "/proc", "/proc/sys/kernel", {"cpu"}});
    EXPECT_TRUE(parents.list().empty() || geteuid() == 0);
    const GroupParents absent =
        GroupParents::prepare(GroupParent{1, "/no", "/no/such/place", {"cpu", "memory"}});
    EXPECT_TRUE(absent.list().empty());
    ASSERT_EQ(absent.problems().size(), 2u);
    EXPECT_EQ(absent.problems().front().sentence,
              "cannot make groups in /no/such/place: No such file or directory");
}

TEST(GroupParents, TheRootOfTheMachineMayHoldProcessesSoNobodyMoves) {
    const TempDir root;  // no cgroup.type there
    root.write("cgroup.controllers", "cpu memory pids\n");
    root.write("cgroup.subtree_control", "cpu\n");
    GroupParents parents =
        GroupParents::prepare(GroupParent{2, root.path(), root.path(), {"cpu", "memory"}});
    EXPECT_EQ(parents.list().size(), 1u);
    EXPECT_EQ(read(root.path() + "/cgroup.subtree_control").substr(0, 7), "+memory")
        << "what is handed down already is not asked for again";
    EXPECT_EQ(groups_below(root.path()).size(), 1u) << "no leaf";
}

TEST(GroupParents, AreForeseenWithoutAChange) {
    const TempDir root;
    root.write("cgroup.type", "domain\n");
    root.write("cgroup.controllers", "cpu memory\n");
    root.write("cgroup.subtree_control", "cpu\n");
    const GroupParent wanted{2, root.path(), root.path(), {"cpu", "memory", "pids"}};
    const auto foreseen = GroupParents::foresee(wanted);
    ASSERT_TRUE(foreseen);
    EXPECT_EQ(foreseen->controllers, (std::vector<std::string>{"cpu", "memory"}))
        << "pids is not handed down to it";
    EXPECT_EQ(read(root.path() + "/cgroup.subtree_control"), "cpu");
    EXPECT_EQ(groups_below(root.path()).size(), 1u) << "no leaf";
    const GroupParent other{2, root.path(), root.path(), {"pids"}};
    EXPECT_FALSE(GroupParents::foresee(other));
    root.write("cgroup.type", "threaded\n");
    EXPECT_FALSE(GroupParents::foresee(wanted));
    EXPECT_TRUE(GroupParents::foresee(GroupParent{1, root.path(), root.path(), {"cpu"}}));
    EXPECT_FALSE(GroupParents::foresee(GroupParent{1, "/no", "/no/such/place", {"cpu"}}));
}

TEST(GroupParents, NothingIsFoundWhereNothingIsMounted) {
    const TempDir dir;
    dir.write("proc/self/cgroup", "0::/\n");
    dir.write("proc/self/mountinfo", "");
    const auto source = FileSource::replay(dir.path());
    ASSERT_TRUE(source);
    const GroupParents parents = GroupParents::prepare(*source, {"cpu", "memory"});
    EXPECT_TRUE(parents.list().empty());
    EXPECT_EQ(parents.problems().size(), 2u);
}

}  // namespace
}  // namespace pilotfish::cgroup
