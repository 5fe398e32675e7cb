#include "cgroup/group_owner.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/cgroup/real_groups.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;
using tests::enter_by;
using tests::RealParents;
using tests::WaitingChild;

constexpr std::uint64_t kNamespace = 4026531836;

// Processes that live, by pid, with their start times.
StartTimeOf living(std::map<pid_t, std::uint64_t> processes) {
    return [processes = std::move(processes)](pid_t pid) -> std::optional<std::uint64_t> {
        const auto found = processes.find(pid);
        if (found == processes.end()) return std::nullopt;
        return found->second;
    };
}

TEST(GroupOwner, IsReadBackFromTheNameHoweverTheWorkerIsCalled) {
    const GroupOwner owner{kNamespace, 17, 84211};
    EXPECT_EQ(group_name("web", owner), "pilotfish.web.4026531836-17-84211");
    for (const char* worker : {"web", "a-1-2-3", "web@12"})
        EXPECT_EQ(owner_in(group_name(worker, owner)), owner) << worker;
}

TEST(GroupOwner, WhatOnlyLooksLikeANameOfOursIsNobodys) {
    for (const char* name :
         {"", "pilotfish", "pilotfish.", "pilotfish.daemon", "pilotfish.web.1-2",
          "pilotfish..1-2-3", "pilotfish.web.1-2-3-4", "pilotfish.web.1-0-3", "pilotfish.web.a-2-3",
          "pilotfish.web.1-2-99999999999999999999999", "docker.web.1-2-3"})
        EXPECT_EQ(owner_in(name), std::nullopt) << name;
}

TEST(GroupOwner, LivesWhenPidAndStartTimeAreThoseOfItsName) {
    const GroupOwner us{kNamespace, 1, 5};
    const pid_t here = getpid();
    EXPECT_EQ(state_of({kNamespace, here, 100}, us, living({{here, 100}})), OwnerState::alive);
    EXPECT_EQ(state_of({kNamespace, here, 100}, us, living({{here, 101}})), OwnerState::dead)
        << "somebody else has its pid now";
    EXPECT_EQ(state_of({kNamespace + 1, here, 100}, us, living({{here, 100}})), OwnerState::unseen)
        << "another namespace's pid";
    EXPECT_EQ(state_of({kNamespace, here, 100}, us, living({})), OwnerState::unseen)
        << "/proc hides it, but the kernel knows it";
    EXPECT_EQ(state_of({kNamespace, 0x3fffffff, 100}, us, living({})), OwnerState::dead);
}

class StaleGroupsTest : public testing::Test {
  protected:
    void SetUp() override {
        if (!parents_.why_not().empty()) GTEST_SKIP() << parents_.why_not();
    }
    ChildGroup make(const GroupOwner& owner) const {
        return *ChildGroup::create(parents_.list(), group_name("web", owner), {});
    }
    const RealParents parents_{{"pids", "unified"}};
    const GroupOwner us_{kNamespace, getpid(), 100};
    const StartTimeOf start_time_of_ = living({{getpid(), 100}});
};

TEST_F(StaleGroupsTest, OfADeadOwnerAreRemovedAndWhoIsLeftInThemIsKilled) {
    const ChildGroup group = make({kNamespace, getpid(), 99});
    WaitingChild child([&] { enter_by(group); });
    const StaleGroups stale = remove_stale_groups(parents_.list(), us_, start_time_of_);
    EXPECT_EQ(child.wait(), SIGKILL);
    EXPECT_EQ(stale.killed, 1);
    EXPECT_EQ(stale.removed.size(), 2u);
    EXPECT_EQ(stale.groups, 1) << "in two hierarchies, of one worker";
    EXPECT_EQ(stale.unseen_groups, 0);
    EXPECT_TRUE(stale.problems.empty());
    EXPECT_FALSE(group.exists());
}

TEST_F(StaleGroupsTest, OfALivingOwnerStay) {
    const ChildGroup group = make(us_);
    EXPECT_TRUE(remove_stale_groups(parents_.list(), us_, start_time_of_).removed.empty());
    EXPECT_TRUE(group.exists());
}

TEST_F(StaleGroupsTest, OfAnUnseenOwnerAreRemovedOnlyWhenEmptyAndNobodyIsKilled) {
    const ChildGroup empty = make({kNamespace + 1, 7, 1});
    const ChildGroup used = make({kNamespace + 1, 8, 1});
    WaitingChild child([&] { enter_by(used); });
    const StaleGroups stale = remove_stale_groups(parents_.list(), us_, start_time_of_);
    EXPECT_EQ(stale.killed, 0);
    EXPECT_EQ(stale.groups, 0);
    EXPECT_EQ(stale.unseen_groups, 1);
    EXPECT_FALSE(empty.exists());
    EXPECT_TRUE(used.exists());
    EXPECT_EQ(kill(child.pid(), 0), 0);
}

TEST_F(StaleGroupsTest, OthersAreNotTouched) {
    for (const GroupParent& parent : parents_.list()) {
        for (const char* name : {"/pilotfish.daemon", "/docker", "/pilotfish.web"})
            ASSERT_EQ(mkdir((parent.directory + name).c_str(), 0755), 0);
    }
    EXPECT_TRUE(remove_stale_groups(parents_.list(), us_, start_time_of_).removed.empty());
    EXPECT_EQ(groups_below(parents_.list().front().directory).size(), 4u);
}

TEST_F(StaleGroupsTest, AGroupThatIsHalfRemovedIsRemovedWhole) {
    const ChildGroup group = make({kNamespace, getpid(), 99});
    ASSERT_EQ(rmdir(group.places().front().directory.c_str()), 0);
    const StaleGroups stale = remove_stale_groups(parents_.list(), us_, start_time_of_);
    EXPECT_EQ(stale.removed.size(), 1u);
    EXPECT_EQ(access(group.places().back().directory.c_str(), F_OK), -1);
}

}  // namespace
}  // namespace pilotfish::cgroup
