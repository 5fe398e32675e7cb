#include "daemon/worker_group.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "cgroup/group_files.h"

namespace pilotfish::daemon {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

config::WorkerSettings worker() {
    config::WorkerSettings settings;
    settings.name = "web";
    settings.command = {"/bin/true"};
    return settings;
}

core::Limits container(std::optional<double> cpus, std::optional<std::uint64_t> memory) {
    core::Limits limits;
    limits.cpu.affinity = limits.cpu.online = 8;
    limits.cpu.cpus = cpus;
    if (cpus) limits.cpu.state = core::LimitState::limited;
    limits.memory.limit_bytes = memory;
    if (memory) limits.memory.state = core::LimitState::limited;
    limits.memory.total_bytes = 1000 * kMiB;
    return limits;
}

TEST(WorkerGroup, OnlyAWorkerWithACapOrAWeightWantsOne) {
    using config::ChildGroups;
    config::WorkerSettings settings = worker();
    EXPECT_FALSE(wants_group(settings, ChildGroups::automatic));
    EXPECT_TRUE(wants_group(settings, ChildGroups::all));
    settings.oom_score = config::OomScore{100};
    settings.resource_limits = {{"NOFILE", 7, 1, 1}};
    EXPECT_FALSE(wants_group(settings, ChildGroups::automatic)) << "these need no group";
    settings.pids = config::Count{20};
    EXPECT_TRUE(wants_group(settings, ChildGroups::automatic));
    EXPECT_FALSE(wants_group(settings, ChildGroups::off));
    settings = worker();
    settings.cpu_weight = config::Weight{200};
    EXPECT_TRUE(wants_group(settings, ChildGroups::automatic));
    settings.plugin = "/lib/task.so";
    EXPECT_FALSE(wants_group(settings, ChildGroups::all)) << "it runs in the daemon itself";
}

TEST(WorkerGroup, ALimitThatComesLaterIsToldToBeVoid) {
    config::Configuration configuration;
    configuration.workers.push_back({worker(), {}});
    WorkerGroups groups(configuration);
    EXPECT_EQ(groups.ready(worker()), nullptr);
    EXPECT_TRUE(groups.notices().empty());
    config::WorkerSettings limited = worker();
    limited.pids = config::Count{20};
    EXPECT_EQ(groups.ready(limited), nullptr);
    EXPECT_EQ(groups.ready(limited), nullptr);
    ASSERT_EQ(groups.notices().size(), 1u) << "once";
    EXPECT_NE(groups.notices()[0].line.find("pilotfish upgrade"), std::string::npos);
}

TEST(WorkerGroup, AbsoluteCapsAreTakenAsTheyAre) {
    config::WorkerSettings settings = worker();
    settings.cpu = config::CpuAmount{.cpus = 0.5};
    settings.memory = config::MemoryAmount{.size = {64 * kMiB}};
    settings.memory_high = config::MemoryAmount{.size = {48 * kMiB}};
    settings.cpu_weight = config::Weight{300};
    settings.pids = config::Count{20};
    const cgroup::GroupLimits expected{.cpus = 0.5,
                                       .cpu_weight = 300,
                                       .memory_bytes = 64 * kMiB,
                                       .memory_high_bytes = 48 * kMiB,
                                       .pids = 20};
    EXPECT_EQ(group_limits(settings, container(2, 512 * kMiB)), expected);
    EXPECT_EQ(group_limits(worker(), container(2, 512 * kMiB)), cgroup::GroupLimits{});
}

TEST(WorkerGroup, SharesAreOfTheContainersLimitOrElseOfTheMachine) {
    config::WorkerSettings settings = worker();
    settings.cpu = config::CpuAmount{.is_share = true, .share = 0.25};
    settings.memory = config::MemoryAmount{.is_share = true, .size = {}, .share = 0.5};
    EXPECT_EQ(group_limits(settings, container(2, 512 * kMiB)).cpus, 0.5);
    EXPECT_EQ(group_limits(settings, container(2, 512 * kMiB)).memory_bytes, 256 * kMiB);
    EXPECT_EQ(group_limits(settings, container({}, {})).cpus, 2.0);
    EXPECT_EQ(group_limits(settings, container({}, {})).memory_bytes, 500 * kMiB);
}

TEST(WorkerGroup, AShareOfMemoryThatNobodyKnowsIsNoLimit) {
    config::WorkerSettings settings = worker();
    settings.memory = config::MemoryAmount{.is_share = true, .size = {}, .share = 0.5};
    core::Limits limits = container({}, {});
    limits.memory.total_bytes.reset();
    EXPECT_EQ(group_limits(settings, limits).memory_bytes, std::nullopt);
}

TEST(WorkerGroup, ACapAboveTheContainersIsTheContainers) {
    config::WorkerSettings settings = worker();
    settings.cpu = config::CpuAmount{.cpus = 4};
    EXPECT_EQ(group_limits(settings, container(1.5, {})).cpus, 1.5);
    EXPECT_EQ(group_limits(settings, container({}, {})).cpus, 4.0);
}

TEST(WorkerGroup, WhereNobodyWantsOneNothingIsDoneOrSaid) {
    config::Configuration configuration;
    configuration.workers.push_back({.settings = worker(), .origins = {}});
    WorkerGroups groups(configuration);
    EXPECT_TRUE(groups.notices().empty());
    EXPECT_EQ(groups.ready(configuration.workers.front().settings), nullptr);
}

TEST(WorkerGroup, OfAControllerItHasNotHoldsNoCap) {
    const std::vector<cgroup::GroupPlace> v1 = {{1, "/memory/x", {"memory"}},
                                                {2, "/unified/x", {}}};
    core::Limits limits = container(2, 512 * kMiB);
    limits.cpu.version = limits.memory.version = 1;
    const OwnGroup in_memory_alone{.is_below_for_memory = true};
    EXPECT_EQ(without_caps(v1, limits), in_memory_alone);
    limits.cpu.version = limits.memory.version = 2;
    const OwnGroup below{.is_below_for_cpu = true, .is_below_for_memory = true};
    EXPECT_EQ(without_caps({{2, "/x", {"memory"}}}, limits), below);
    EXPECT_EQ(without_caps({}, limits), OwnGroup{});
}

TEST(WorkerGroup, CapsAreInForceWhenTheKernelSaysThem) {
    config::Configuration configuration;
    config::WorkerSettings settings = worker();
    settings.memory = config::MemoryAmount{.size = {64 * kMiB}};
    configuration.workers.push_back({.settings = settings, .origins = {}});
    WorkerGroups groups(configuration);
    groups.apply(container({}, 512 * kMiB));
    EXPECT_EQ(groups.own_group_of(settings), OwnGroup{}) << "none is made yet";
    const SharedGroup group = groups.ready(settings);
    if (!group) GTEST_SKIP() << "no groups here: " << groups.notices().front().line;
    EXPECT_TRUE(groups.own_group_of(settings).memory_cap_in_force);
    EXPECT_TRUE(groups.own_group_of(settings).is_below_for_memory);
    EXPECT_FALSE(groups.own_group_of(settings).cpu_cap_in_force) << "nobody asked for one";
    const cgroup::GroupPlace& memory = *group->place_of("memory");
    ASSERT_TRUE(cgroup::write_group_file(
        memory.directory + (memory.version == 1 ? "/memory.limit_in_bytes" : "/memory.max"),
        std::to_string(128 * kMiB)));
    EXPECT_FALSE(groups.own_group_of(settings).memory_cap_in_force) << "the kernel says another";
    config::WorkerSettings with_cpu = settings;
    with_cpu.cpu = config::CpuAmount{.cpus = 0.5};
    EXPECT_FALSE(groups.own_group_of(with_cpu).cpu_cap_in_force) << "no such controller was wanted";
    ASSERT_TRUE(group->remove(std::chrono::seconds(10)));
    EXPECT_EQ(groups.own_group_of(settings), OwnGroup{}) << "it is gone";
}

TEST(WorkerGroup, IsMadeOnceToldOfFollowsTheLimitsAndIsGoneAtTheEnd) {
    config::Configuration configuration;
    config::WorkerSettings settings = worker();
    settings.memory = config::MemoryAmount{.is_share = true, .size = {}, .share = 0.5};
    configuration.workers.push_back({.settings = settings, .origins = {}});
    WorkerGroups groups(configuration);
    groups.apply(container({}, 512 * kMiB));
    int made = 0;
    std::string memory;
    int version = 0;
    groups.when_made([&](const std::string& name, const cgroup::ChildGroup& group) {
        ++made;
        EXPECT_EQ(name, "web");
        memory = group.place_of("memory")->directory;
        version = group.place_of("memory")->version;
    });
    const SharedGroup group = groups.ready(settings);
    if (!group) GTEST_SKIP() << "no groups here: " << groups.notices().front().line;
    EXPECT_EQ(groups.ready(settings), group);
    EXPECT_EQ(made, 1);
    const std::string file = memory + (version == 1 ? "/memory.limit_in_bytes" : "/memory.max");
    EXPECT_EQ(cgroup::read_group_file(file), std::to_string(256 * kMiB));
    groups.apply(container({}, 256 * kMiB));
    EXPECT_EQ(cgroup::read_group_file(file), std::to_string(128 * kMiB));
    ASSERT_TRUE(group->remove(std::chrono::seconds(10)));
    EXPECT_NE(groups.ready(settings), nullptr) << "taken away by another, it is made again";
    EXPECT_EQ(made, 2);
    groups.end();
    EXPECT_FALSE(group->exists());
    EXPECT_EQ(groups.ready(settings), nullptr);
}

TEST(WorkerGroup, ThatCannotBeEnteredIsMadeAnewOnceAndThenGoneWithoutWhichIsSaidOnce) {
    config::Configuration configuration;
    config::WorkerSettings settings = worker();
    settings.pids = config::Count{20};
    configuration.workers.push_back({.settings = settings, .origins = {}});
    WorkerGroups groups(configuration);
    int gone = 0;
    groups.when_gone([&](const std::string&) { ++gone; });
    const SharedGroup group = groups.ready(settings);
    if (!group) GTEST_SKIP() << "no groups here: " << groups.notices().front().line;
    const std::size_t said_before = groups.notices().size();
    const core::Error failure{"cannot enter it"};
    const SharedGroup again = groups.instead(settings, failure, true);
    ASSERT_NE(again, nullptr);
    EXPECT_NE(again, group);
    EXPECT_TRUE(again->exists());
    EXPECT_EQ(gone, 1) << "its counts are read before it is";
    EXPECT_EQ(groups.instead(settings, failure, false), nullptr);
    EXPECT_FALSE(again->exists());
    (void)groups.ready(settings);
    EXPECT_EQ(groups.instead(settings, failure, false), nullptr);
    int said = 0;
    for (const WorkerGroups::Notice& notice : groups.notices())
        said += notice.line == "web: going on without a group of its own: cannot enter it" ? 1 : 0;
    EXPECT_EQ(said, 1);
    EXPECT_GT(groups.notices().size(), said_before);
    groups.speak();
    EXPECT_TRUE(groups.notices().empty());
}

TEST(WorkerGroup, WhereCgroupsAreReadOnlyOneLineSaysSo) {
    config::WorkerSettings settings = worker();
    settings.memory = config::MemoryAmount{.size = {64 * kMiB}};
    settings.pids = config::Count{20};
    config::Configuration configuration;
    configuration.workers.push_back({.settings = settings, .origins = {}});
    const pid_t pod = fork();
    if (pod == 0) {
        // As in the normal pod: all of it mounted read-only, in a mount namespace of its own.
        if (unshare(CLONE_NEWNS) != 0 || mount("", "/", "", MS_REC | MS_PRIVATE, "") != 0)
            _exit(77);
        std::ifstream mounts("/proc/self/mounts");
        for (std::string device, place, rest; mounts >> device >> place; std::getline(mounts, rest))
            if (place.starts_with("/sys/fs/cgroup/") &&
                mount("", place.c_str(), "", MS_REMOUNT | MS_BIND | MS_RDONLY, "") != 0)
                _exit(77);
        const WorkerGroups groups(configuration);
        const auto notices = groups.notices();
        _exit(notices.size() == 1 && notices[0].level == core::LogLevel::info &&
                      notices[0].line.find("PILOTFISH_CHILD_GROUPS=off") != std::string::npos
                  ? 0
                  : 1);
    }
    int status = 0;
    waitpid(pod, &status, 0);
    if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespace of our own here";
    EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace pilotfish::daemon
