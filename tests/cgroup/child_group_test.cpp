// Against the kernel's own hierarchies, of both versions, where this process may make groups.
#include "cgroup/child_group.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>

#include "cgroup/libcgroup_group.h"
#include "tests/cgroup/real_groups.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;
using tests::enter_by;
using tests::RealParents;
using tests::WaitingChild;

struct Hierarchies {
    std::string name;
    std::vector<std::string> controllers;  // "unified": the v2 hierarchy
};

class AChildGroup : public testing::TestWithParam<Hierarchies> {
  protected:
    void SetUp() override {
        if (!parents_.why_not().empty()) GTEST_SKIP() << parents_.why_not();
    }
    ChildGroup make(const GroupLimits& limits = {}) const {
        auto made = ChildGroup::create(parents_.list(), "web", limits);
        EXPECT_TRUE(made) << made.error().message;
        return *made;
    }
    std::string file(const ChildGroup& group, const std::string& controller,
                     const std::string& name) const {
        const GroupPlace* const place = group.place_of(controller);
        return place ? read_group_file(place->directory + "/" + name).value_or("absent") : "none";
    }
    const RealParents parents_{GetParam().controllers};
};

INSTANTIATE_TEST_SUITE_P(
    In, AChildGroup,
    testing::Values(Hierarchies{"v1Alone", {"cpu", "memory", "pids"}},
                    Hierarchies{"v1WithTheFreezer", {"cpu", "memory", "pids", "freezer"}},
                    Hierarchies{"v1BesideV2", {"cpu", "memory", "pids", "unified"}},
                    Hierarchies{"v2", {"unified"}}),
    [](const auto& instance) { return instance.param.name; });

TEST_P(AChildGroup, HasTheLimitsItWasMadeWithAndThoseItIsGivenLater) {
    const GroupLimits limits{.cpus = 0.5, .cpu_weight = 200, .memory_bytes = 64 << 20, .pids = 20};
    const ChildGroup group = make(limits);
    EXPECT_TRUE(group.exists());
    EXPECT_TRUE(group.apply(limits).empty());
    if (group.place_of("cpu") == nullptr) return;  // v2 has no such controller on this machine
    EXPECT_EQ(file(group, "cpu", "cpu.cfs_quota_us"), "50000");
    EXPECT_EQ(file(group, "cpu", "cpu.shares"), "2048");
    EXPECT_EQ(file(group, "memory", "memory.limit_in_bytes"), "67108864");
    EXPECT_EQ(file(group, "pids", "pids.max"), "20");
    EXPECT_TRUE(group.apply({.cpus = 0.25, .memory_bytes = 32 << 20, .pids = 30}).empty());
    EXPECT_EQ(file(group, "cpu", "cpu.cfs_quota_us"), "25000");
    EXPECT_EQ(file(group, "memory", "memory.limit_in_bytes"), "33554432");
    EXPECT_EQ(file(group, "pids", "pids.max"), "30");
}

TEST_P(AChildGroup, KnowsWhoIsInItAndInGroupsBelow) {
    const ChildGroup group = make();
    EXPECT_FALSE(group.populated());
    WaitingChild child([&] { enter_by(group); });
    EXPECT_TRUE(group.populated());
    EXPECT_EQ(group.processes(), std::vector<pid_t>{child.pid()});
    std::vector<GroupParent> inner;
    for (const GroupPlace& place : group.places())
        inner.push_back({place.version, "", place.directory, {}});
    for (const GroupParent& parent : inner)
        ASSERT_EQ(mkdir((parent.directory + "/inner").c_str(), 0755), 0);
    const auto below = ChildGroup::create(inner, "inner", {});
    ASSERT_TRUE(below);
    WaitingChild deep([&] { enter_by(*below); });
    EXPECT_EQ(group.processes().size(), 2u);
    EXPECT_TRUE(group.remove(10s));
    EXPECT_EQ(deep.wait(), SIGKILL);
    EXPECT_EQ(child.wait(), SIGKILL);
}

TEST_P(AChildGroup, SignalsEverybodyButThoseWhoWereTold) {
    const ChildGroup group = make();
    const auto enter_alone = [&] {
        setpgid(0, 0);
        enter_by(group);
    };
    WaitingChild first(enter_alone);
    WaitingChild second(enter_alone);
    EXPECT_EQ(group.signal_all(SIGTERM, first.pid()), 1);
    EXPECT_EQ(second.wait(), SIGTERM);
    EXPECT_EQ(group.signal_all(SIGINT), 1);
    EXPECT_EQ(first.wait(), SIGINT);
}

TEST_P(AChildGroup, KillsATreeThatForksAsFastAsItCan) {
    const ChildGroup group = make({.pids = 200});
    // Where nothing counts the processes (v2 without the controller here) they count themselves.
    const bool counted = group.place_of("pids") != nullptr;
    WaitingChild first([&] {
        enter_by(group);
        signal(SIGCHLD, SIG_IGN);
        if (fork() != 0) return;
        for (int generation = 0; counted || generation < 2000; ++generation) {
            if (fork() > 0) _exit(0);  // the child goes on: a new pid each time
            sched_yield();
        }
        for (;;) pause();
    });
    group.kill_all();
    EXPECT_EQ(first.wait(), SIGKILL);
    EXPECT_TRUE(group.remove(20s));
    EXPECT_FALSE(group.exists());
}

TEST_P(AChildGroup, AFrozenOrStoppedMemberIsKilledToo) {
    const ChildGroup group = make();
    WaitingChild child([&] { enter_by(group); });
    ASSERT_EQ(kill(child.pid(), SIGSTOP), 0);
    const auto removed = group.remove(10s);
    EXPECT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(child.wait(), SIGKILL);
}

TEST_P(AChildGroup, IsRemovedWithAZombieInIt) {
    const ChildGroup group = make();
    WaitingChild child([&] { enter_by(group); });
    kill(child.pid(), SIGKILL);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
    const auto removed = group.remove(10s);
    EXPECT_TRUE(removed) << removed.error().message;
}

TEST_P(AChildGroup, IsUsedAgainWhenItIsThereAlready) {
    const ChildGroup group = make({.pids = 20});
    const ChildGroup again = make({.pids = 20});
    EXPECT_EQ(group.places(), again.places());
    EXPECT_TRUE(group.remove(10s));
    EXPECT_FALSE(again.exists());
    EXPECT_TRUE(again.remove(10s)) << "what is gone is removed";
}

TEST_P(AChildGroup, IsClearedOfWhatItsInhabitantsMadeUnlessSomebodyIsInIt) {
    const ChildGroup group = make();
    const auto make_below = [&] {
        for (const GroupPlace& place : group.places()) {
            const std::string inner = place.directory + "/inner";
            ASSERT_EQ(mkdir(inner.c_str(), 0755), 0);
            ASSERT_EQ(mkdir((inner + "/most").c_str(), 0755), 0);
            if (place.version != 2) continue;
            // A controller of v2 even where the usual ones are on v1.
            const std::string parent = place.directory.substr(0, place.directory.rfind('/'));
            if (write_group_file(parent + "/cgroup.subtree_control", "+hugetlb"))
                (void)write_group_file(place.directory + "/cgroup.subtree_control", "+hugetlb");
        }
    };
    make_below();
    group.clear();
    for (const GroupPlace& place : group.places())
        EXPECT_EQ(groups_below(place.directory), std::vector<std::string>{place.directory});
    WaitingChild child([&] { enter_by(group); });
    EXPECT_EQ(group.processes(), std::vector<pid_t>{child.pid()}) << "it can be entered";
    for (const GroupPlace& place : group.places())
        ASSERT_EQ(mkdir((place.directory + "/inner").c_str(), 0755), 0);
    group.clear();
    EXPECT_EQ(groups_below(group.places().back().directory).size(), 2u);
}

TEST_P(AChildGroup, IsMadeWhereItCanBeAndSaysWhereNot) {
    std::vector<GroupParent> parents = parents_.list();
    parents.insert(parents.begin(), {1, "/nowhere", "/nowhere/at/all", {}});
    const auto group = ChildGroup::create(parents, "web", {});
    ASSERT_TRUE(group) << group.error().message;
    EXPECT_EQ(group->places().size(), parents_.list().size());
    ASSERT_EQ(group->left_out().size(), 1u);
    EXPECT_NE(group->left_out()[0].message.find("/nowhere/at/all/web"), std::string::npos);
    EXPECT_FALSE(ChildGroup::create({parents.front()}, "web", {}));
}

TEST_P(AChildGroup, DoorsLeadIntoEveryHierarchy) {
    const ChildGroup group = make();
    auto doors = group.open_doors();
    ASSERT_TRUE(doors) << doors.error().message;
    const auto v1 = static_cast<std::size_t>(
        std::count_if(group.places().begin(), group.places().end(),
                      [](const GroupPlace& place) { return place.version == 1; }));
    EXPECT_EQ(doors->v1.size(), v1);
    EXPECT_EQ(static_cast<bool>(doors->directory), v1 < group.places().size());
    WaitingChild child([&] {
        for (const GroupDoor& door : doors->v1)
            if (write(door.procs.get(), "0", 1) != 1) _exit(1);
        if (doors->unified && write(doors->unified->procs.get(), "0", 1) != 1) _exit(1);
    });
    for (const GroupPlace& place : group.places())
        EXPECT_EQ(processes_in({place.directory}), std::vector<pid_t>{child.pid()});
}

class AV1ChildGroup : public testing::Test {};

TEST_F(AV1ChildGroup, ARefusedValueIsSaidAndLeavesTheGroupAndItsOtherLimits) {
    const RealParents parents({"cpu", "pids"});
    if (!parents.why_not().empty()) GTEST_SKIP() << parents.why_not();
    // A quota above the parent's is what v1 refuses.
    const std::string& parent = parents.list().front().directory;
    ASSERT_TRUE(write_group_file(parent + "/cpu.cfs_quota_us", "50000"));
    const GroupLimits limits{.cpus = 1, .pids = 20};
    const auto group = ChildGroup::create(parents.list(), "web", limits);
    ASSERT_TRUE(group) << group.error().message;
    const auto refused = group->apply(limits);
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_NE(refused.front().message.find("cannot write 100000 to"), std::string::npos);
    EXPECT_NE(refused.front().message.find("cpu.cfs_quota_us"), std::string::npos);
    EXPECT_EQ(read_group_file(group->place_of("pids")->directory + "/pids.max"), "20");
    EXPECT_TRUE(group->remove(10s));
}

}  // namespace
}  // namespace pilotfish::cgroup
