#include "daemon/worker_group.h"

#include <gtest/gtest.h>

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
    limits.memory.limit_bytes = memory;
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

}  // namespace
}  // namespace pilotfish::daemon
