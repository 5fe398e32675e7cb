// Against the kernel itself, v1 or v2, where this process may make groups; skipped elsewhere.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>

#include "cgroup/follower.h"
#include "cgroup/limits_reader.h"
#include "cgroup/oom_counter.h"
#include "cgroup/pressure_trigger.h"
#include "cgroup/usage.h"
#include "tests/cgroup/real_group.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;
using tests::becomes_readable;
using tests::RealGroup;
using tests::write_text;

TEST(LiveKernel, DescribesThisProcessWithoutWarnings) {
    const FileSource here = FileSource::this_process();
    if (!here.look("/sys/fs/cgroup").ok()) GTEST_SKIP() << "no cgroup file system here";
    const core::Limits limits = read_limits(here);
    EXPECT_GE(limits.cpu.affinity, 1);
    EXPECT_GE(limits.cpu.online, limits.cpu.affinity);
    EXPECT_GT(limits.memory.total_bytes.value(), 0u);
}

TEST(LiveKernel, AQuotaIsReadFollowedByWatchAndResolvedAnewAfterTheGroupIsGone) {
    RealGroup group("cpu");
    if (!group.usable()) GTEST_SKIP() << "cannot make cgroups with limits here";
    ASSERT_TRUE(group.set_cpus(150000));
    const FileSource here = FileSource::this_process();
    const core::Limits outside = read_limits(here);

    Follower::TimePoint now{1h};
    Follower follower(FileSource::this_process());
    ASSERT_TRUE(group.enter());
    follower.on_tick(now += 1s);
    follower.on_tick(now += 1s);
    follower.on_check(now += 100ms);
    EXPECT_EQ(follower.limits().cpu.cpus, 1.5);
    EXPECT_EQ(follower.limits().cpu.version, group.version());

    ASSERT_TRUE(group.set_cpus(180000));
    ASSERT_TRUE(becomes_readable(follower.watch_fd()));
    EXPECT_TRUE(follower.on_watch(now));
    EXPECT_EQ(follower.limits().cpu.cpus, 1.8);

    ASSERT_TRUE(group.remove());
    follower.on_tick(now += 1s);  // the kept descriptor says ENODEV
    follower.on_check(now += 100ms);
    EXPECT_EQ(follower.limits().cpu.state, outside.cpu.state);
    EXPECT_EQ(follower.limits().cpu.cpus, outside.cpu.cpus);
}

TEST(LiveKernel, AMemoryLimitIsReadRoundedToPages) {
    RealGroup group("memory");
    if (!group.usable()) GTEST_SKIP() << "cannot make cgroups with limits here";
    const std::string file = group.version() == 2 ? "/memory.max" : "/memory.limit_in_bytes";
    ASSERT_TRUE(write_text(group.path() + file, std::to_string((512u << 20) + 1)));
    ASSERT_TRUE(group.enter());
    const FileSource here = FileSource::this_process();
    const core::Limits limits = read_limits(here);
    EXPECT_EQ(limits.memory.limit_bytes, 512u << 20);
    EXPECT_EQ(limits.memory.source, group.path() + file);

    UsageReader reader(here, limits);
    const Usage usage = reader.read(UsageReader::TimePoint(1h));
    EXPECT_TRUE(usage.memory.usage_bytes.has_value());
    EXPECT_TRUE(usage.memory.working_set_bytes().has_value());
    EXPECT_EQ(usage.memory.events.oom_kill, 0u);
}

TEST(LiveKernel, AHogIsToldOfBeforeItIsKilledAndCountedWhenItIs) {
    RealGroup group("memory");
    if (!group.usable()) GTEST_SKIP() << "cannot make cgroups with limits here";
    ASSERT_TRUE(group.set_memory(32u << 20));
    const FileSource here = FileSource::this_process();
    OomCounter counter(here, group.path(), group.version());
    ASSERT_EQ(counter.read()->kills, 0u);
    PressureTrigger trigger = PressureTrigger::open(here, group.limits(), 30u << 20);
    // Of v2 the stall of so short a life may be too little: that it fires is seen in the
    // virtual machine.
    if (group.version() == 1) {
        ASSERT_GE(trigger.watch_fd(), 0) << trigger.words();
    }

    const pid_t hog = group.fork_hog(64);
    ASSERT_GT(hog, 0);
    int status = 0;
    ASSERT_EQ(waitpid(hog, &status, 0), hog);
    ASSERT_TRUE(WIFSIGNALED(status)) << "status " << status;
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_EQ(counter.read()->kills, 1u) << "counted by the time its end is known";
    if (group.version() == 1) {
        EXPECT_TRUE(becomes_readable(trigger.watch_fd()));
        EXPECT_EQ(trigger.on_watch(), PressureTrigger::News::pressure);
    }
    const GroupMemory memory = read_group_memory(here, group.path(), group.version());
    EXPECT_EQ(memory.limit_bytes, 32u << 20);
    EXPECT_GT(memory.peak_bytes.value_or(UINT64_MAX), 16u << 20);

    ASSERT_TRUE(group.remove());
    EXPECT_FALSE(counter.read().has_value()) << "the count goes with the group";
    if (group.version() == 1) {
        EXPECT_TRUE(becomes_readable(trigger.watch_fd()));
        EXPECT_EQ(trigger.on_watch(), PressureTrigger::News::group_gone);
    }
}

}  // namespace
}  // namespace pilotfish::cgroup
