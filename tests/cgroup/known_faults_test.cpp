// The faults of other tools, by the number they have in cgroup/README.md ("Faults of others"): each
// is a situation that somebody's detection got wrong, and that ours must get right.
#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cgroup/derive.h"
#include "cgroup/headroom.h"
#include "cgroup/oom_counter.h"
#include "cgroup/processors.h"
#include "cgroup/usage.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using core::LimitState;
using tests::replayed;

int maxprocs_of(const core::Limits& limits) { return derive(limits, {}).maxprocs; }

TEST(KnownFault, No01GoReadsTheLeafOnlyAndMissesTheParentsQuota) {
    const core::Limits limits = replayed("v2-limit-on-ancestor");
    EXPECT_EQ(limits.cpu.cpus, 2);
    EXPECT_EQ(limits.cpu.source, "/sys/fs/cgroup/kubepods.slice/pod1/cpu.max");
}

TEST(KnownFault, No02GoFindsNoV1QuotaBelowABindMountedRoot) {
    EXPECT_EQ(replayed("v1-container-host-namespace").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v1-docker-in-docker").cpu.cpus, 1.5);
}

TEST(KnownFault, No03AQuotaAboveTheNamespaceRootIsUnknownNotUnlimited) {
    const core::Limits mounted_outside = replayed("v2-namespace-hides-the-quota");
    EXPECT_EQ(mounted_outside.cpu.state, LimitState::unknown);
    EXPECT_EQ(mounted_outside.memory.state, LimitState::unknown);
    EXPECT_FALSE(mounted_outside.warnings.empty());
    const core::Limits not_enabled = replayed("v2-namespace-controller-not-enabled");
    EXPECT_EQ(not_enabled.cpu.state, LimitState::unknown);
    EXPECT_EQ(not_enabled.memory.state, LimitState::limited);
}

TEST(KnownFault, No04TheNumberOfProcessorsCanBeOverridden) {
    DerivePolicy policy;
    policy.maxprocs = 6;
    EXPECT_EQ(derive(replayed("v2-container"), policy).maxprocs, 6);
}

TEST(KnownFault, No05Cgroup2IsRecognisedByItsTypeNotByItsSource) {
    EXPECT_EQ(replayed("v2-container").cpu.version, 2);  // runc's source is "cgroup"
    EXPECT_EQ(replayed("v2-separator-inside-path").cpu.cpus, 1);
}

TEST(KnownFault, No06AnIrrelevantControllerThatCannotBeTranslatedAbortsNothing) {
    const core::Limits limits = replayed("v2-untranslatable-v1-controllers-beside");
    EXPECT_EQ(limits.cpu.cpus, 1.5);
    EXPECT_TRUE(limits.warnings.empty());
}

TEST(KnownFault, No07ColonsWslSpacesAndZeroPeriods) {
    EXPECT_EQ(replayed("v1-colon-in-group-name").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v2-wsl-9p-spaces").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v2-cpu-max-zero-period").cpu.state, LimitState::unknown);
    EXPECT_EQ(replayed("v1-zero-period").cpu.state, LimitState::unknown);
}

TEST(KnownFault, No08HybridParentsAndTheHierarchicalLimitAreSeen) {
    EXPECT_EQ(replayed("hybrid-v1-controllers").memory.limit_bytes, 268435456u);
    EXPECT_EQ(replayed("hybrid-cpu-on-v1-memory-on-v2").memory.version, 2);
    EXPECT_EQ(replayed("v1-hierarchical-limit-shows-hidden-parent").memory.limit_bytes, 67108864u);
    EXPECT_EQ(replayed("v2-colons-in-path").memory.limit_bytes, 268435456u);
    EXPECT_EQ(replayed("v2-malformed-leaf-under-a-limited-parent").memory.limit_bytes, 536870912u);
}

TEST(KnownFault, No09TheLeastOfTheWalkIsWhatIsReturned) {
    EXPECT_EQ(replayed("v2-least-of-leaf-and-parent").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v2-ten-cpus-one-second-period").cpu.cpus, 10);
    EXPECT_EQ(replayed("v1-co-mounted-controllers").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v1-container-own-namespace").cpu.cpus, 1.5);
}

TEST(KnownFault, No10NoSentinelLeaksOut) {
    const core::Limits limits = replayed("v1-unlimited-sentinel-without-meminfo");
    EXPECT_EQ(limits.memory.state, LimitState::unlimited);
    EXPECT_EQ(limits.memory.limit_bytes, std::nullopt);
    EXPECT_EQ(derive(limits, {}).soft_limit_bytes, std::nullopt);
}

TEST(KnownFault, No11TheSoftLimitIsBelowTheContainer) {
    const core::Limits limits = replayed("v2-container");
    EXPECT_LT(derive(limits, {}).soft_limit_bytes.value(), limits.memory.limit_bytes.value());
}

TEST(KnownFault, No12NestedLimitsOnV2DoNotBreakV1) {
    EXPECT_EQ(replayed("v2-limit-on-ancestor").memory.limit_bytes, 536870912u);
    const core::Limits v1 = replayed("v1-limit-on-visible-ancestor");
    EXPECT_EQ(v1.memory.limit_bytes, 67108864u);
    EXPECT_EQ(v1.memory.source, "/sys/fs/cgroup/memory/pod/memory.limit_in_bytes");
    EXPECT_EQ(v1.cpu.cpus, 2);
}

TEST(KnownFault, No13NeitherCpusetNorProcCgroupsIsNeeded) {
    EXPECT_EQ(replayed("v2-fedora-without-v1-cpuset").cpu.cpus, 1.5);
}

TEST(KnownFault, No14DotDotPathsEmptyPathsAndALoneSystemdMount) {
    EXPECT_EQ(replayed("v2-moved-out-of-namespace").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v2-moved-to-a-cousin").warnings.size(), 1u);
    EXPECT_EQ(replayed("v2-empty-membership-path").cpu.cpus, 1.5);
    EXPECT_EQ(replayed("v2-lone-systemd-v1-mount").cpu.version, 2);
    EXPECT_EQ(replayed("v2-only-freezer-on-v1").cpu.version, 2);
}

TEST(KnownFault, No15SharesAreNoLimit) {
    const tests::TempDir container;
    container.write("proc/self/cgroup", "1:cpu:/\n");
    container.write("proc/self/mountinfo", "73 72 0:29 / /cg/cpu ro - cgroup cgroup rw,cpu\n");
    container.write("cg/cpu/cpu.shares", "2\n");
    container.write("cg/cpu/cpu.cfs_quota_us", "-1\n");
    container.write("cg/cpu/cpu.cfs_period_us", "100000\n");
    const FileSource source = tests::replayed_source(container.path());
    EXPECT_EQ(read_limits(source).cpu.state, LimitState::unlimited);
}

TEST(KnownFault, No16LimitsAboveTheLeafCountOnV1) {
    EXPECT_EQ(replayed("v1-limit-on-visible-ancestor").cpu.source,
              "/sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us");
}

TEST(KnownFault, No17HeadroomIsMeasuredAtTheLevelThatOwnsTheLimitWhichIsNamed) {
    EXPECT_EQ(replayed("v2-limit-on-ancestor").memory.source,
              "/sys/fs/cgroup/kubepods.slice/pod1/memory.max");
    const tests::TempDir pod;
    pod.write("proc/self/cgroup", "0::/pod/c\n");
    pod.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    pod.write("cg/pod/memory.max", "1000000\n");
    pod.write("cg/pod/memory.current", "950000\n");
    pod.write("cg/pod/memory.stat", "inactive_file 50000\n");
    pod.write("cg/pod/c/memory.current", "100000\n");
    pod.write("cg/pod/c/memory.stat", "inactive_file 0\n");
    const FileSource source = tests::replayed_source(pod.path());
    UsageReader reader(source, read_limits(source));
    const auto near = headroom(reader.read(UsageReader::TimePoint(std::chrono::hours(1))));
    ASSERT_TRUE(near.has_value());
    EXPECT_DOUBLE_EQ(near->load, 0.9) << "not the leaf's 0.1";
    EXPECT_EQ(near->source, "/cg/pod/memory.max");
}

TEST(KnownFault, No18ADashInAPathIsNoSeparatorAndNoPrefixIsAppendedTwice) {
    EXPECT_EQ(replayed("v2-separator-inside-path").cpu.source,
              "/mnt/x - y/-/a - cgroup2 b/cpu.max");
    EXPECT_EQ(replayed("v1-docker-in-docker").cpu.source,
              "/sys/fs/cgroup/cpu/docker/inner/cpu.cfs_quota_us");
    EXPECT_EQ(replayed("v2-component-boundary").cpu.source, "/sys/fs/cgroup/right/abc/cpu.max");
}

TEST(KnownFault, No19V1IsNotDropped) {
    EXPECT_EQ(replayed("v1-crun-mount-source").memory.limit_bytes, 268435456u);
}

TEST(KnownFault, No20MaxIsNotZeroProcessors) {
    const core::Limits limits = replayed("v2-cpu-max-one-field-max");
    EXPECT_EQ(limits.cpu.state, LimitState::unlimited);
    EXPECT_EQ(maxprocs_of(limits), 8);
}

TEST(KnownFault, No21TheHostsSysMountedInsideDoesNotWin) {
    for (const char* name : {"v2-host-sys-mounted-inside", "v2-host-sys-mounted-first-same-root",
                             "v1-host-sys-mounted-inside"}) {
        const core::Limits limits = replayed(name);
        EXPECT_EQ(limits.cpu.cpus, 1.5) << name;
        EXPECT_EQ(limits.memory.limit_bytes, 268435456u) << name;
    }
}

TEST(KnownFault, No22AQuotaOfOneOrLessGivesOneProcessorNeverNone) {
    EXPECT_EQ(maxprocs_of(replayed("v2-cpu-max-tiny-quota")), 1);
    EXPECT_EQ(round_cpus(1.0, Rounding::ceil, 1, 8), 1);
}

TEST(KnownFault, No23FlooringBelowOneIsNotAllProcessors) {
    DerivePolicy floor;
    floor.rounding = Rounding::floor;
    EXPECT_EQ(derive(replayed("v2-cpu-max-tiny-quota"), floor).maxprocs, 1);
}

TEST(KnownFault, No24OnlyOomKillTellsOfAKillAndItsOwnGroupOfTheContainers) {
    // containerd#6323: with equal limits `oom` counts at the pod, `oom_kill` in the container, and
    // the pod's `oom_kill` is everybody's.
    const tests::TempDir pod;
    pod.write("proc/self/cgroup", "0::/pod/c\n");
    pod.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    pod.write("cg/pod/memory.max", "268435456\n");
    pod.write("cg/pod/memory.events", "low 0\nhigh 0\nmax 9\noom 5\noom_kill 5\n");
    pod.write("cg/pod/c/memory.max", "268435456\n");
    pod.write("cg/pod/c/memory.events", "low 0\nhigh 0\nmax 0\noom 0\noom_kill 1\n");
    const FileSource source = tests::replayed_source(pod.path());
    OomCounter counter = OomCounter::of_container(source, read_limits(source));
    EXPECT_EQ(counter.read()->kills, 1u);
    pod.write("cg/pod/c/memory.events", "low 0\nhigh 0\nmax 7\noom 7\noom_kill 1\n");
    EXPECT_EQ(counter.read()->kills, 1u) << "an oom that killed nobody";
}

TEST(KnownFault, No25ManyWhoAskForStatisticsReadThemOnce) {
    // cadvisor#3932: parallel readers of memory.stat wait for one another in the kernel.
    const tests::TempDir container;
    container.write("proc/self/cgroup", "0::/\n");
    container.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    container.write("cg/memory.current", "1\n");
    const FileSource source = tests::replayed_source(container.path());
    UsageReader reader(source, read_limits(source), std::chrono::hours(1));
    const UsageReader::TimePoint now{std::chrono::hours(1)};
    EXPECT_EQ(reader.read(now).memory.usage_bytes, 1u);
    container.write("cg/memory.current", "2\n");
    std::atomic<int> others_readings = 0;
    std::vector<std::thread> askers;
    for (int asker = 0; asker < 8; ++asker)
        askers.emplace_back([&] {
            if (reader.read(now).memory.usage_bytes != 1u) ++others_readings;
        });
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(others_readings, 0);
}

TEST(KnownFault, No26APodGroupThatDidNotGrowStillLimits) {
    // kubernetes#138760: the container's group was enlarged, the pod's was not.
    const core::Limits limits = replayed("v2-least-of-leaf-and-parent");
    EXPECT_EQ(limits.memory.limit_bytes, 536870912u);
    const tests::TempDir pod;
    pod.write("proc/self/cgroup", "0::/pod/c\n");
    pod.write("proc/self/mountinfo", "30 23 0:26 / /cg rw - cgroup2 cgroup2 rw\n");
    pod.write("cg/pod/memory.max", "268435456\n");
    pod.write("cg/pod/c/memory.max", "536870912\n");
    const FileSource source = tests::replayed_source(pod.path());
    EXPECT_EQ(read_limits(source).memory.limit_bytes, 268435456u);
}

TEST(KnownFault, HardwareConcurrencyIgnoresTheAffinityAndOursDoesNot) {
    cpu_set_t before;
    ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &before)) continue;
        CPU_SET(cpu, &one);
        break;
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(affinity_of(0), 1);
    const FileSource here = FileSource::this_process();
    EXPECT_EQ(read_limits(here).cpu.affinity, 1);
    ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
    EXPECT_EQ(affinity_of(0), CPU_COUNT(&before));
}

}  // namespace
}  // namespace pilotfish::cgroup
