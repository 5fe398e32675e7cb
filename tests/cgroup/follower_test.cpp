// Time is passed in and files are written by hand: nothing here sleeps.
#include "cgroup/follower.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <string>

#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;

class FollowerTest : public testing::Test {
  protected:
    FollowerTest() {
        container_.write("proc/self/cgroup", "0::/\n");
        container_.write("proc/self/mountinfo", "59 58 0:25 / /cg ro - cgroup2 cgroup rw\n");
        container_.write("sys/devices/system/cpu/online", "0-7\n");
        container_.write("cg/cgroup.type", "domain\n");
        container_.write("cg/memory.high", "max\n");
        cpu("200000 100000");
        memory("268435456");
    }
    void cpu(const std::string& text) { container_.write("cg/cpu.max", text + "\n"); }
    void memory(const std::string& text) { container_.write("cg/memory.max", text + "\n"); }
    Follower start() { return Follower(tests::replayed_source(container_.path())); }
    static bool readable(int fd) {
        pollfd entry{fd, POLLIN, 0};
        return ::poll(&entry, 1, 0) == 1;
    }

    tests::TempDir container_;
    Follower::TimePoint now_{std::chrono::hours(1)};
};

TEST_F(FollowerTest, SeesNothingWhereNothingChanges) {
    Follower follower = start();
    for (int tick = 0; tick < 30; ++tick) EXPECT_FALSE(follower.on_tick(now_ += 1s));
    EXPECT_EQ(follower.generation(), 0u);
    EXPECT_EQ(follower.next_check(), std::nullopt);
    EXPECT_FALSE(follower.take_event().has_value());
}

TEST_F(FollowerTest, WatchDescriptorBecomesReadableOnAWriteAndIsDrained) {
    Follower follower = start();
    ASSERT_GE(follower.watch_fd(), 0);
    EXPECT_FALSE(readable(follower.watch_fd()));
    cpu("400000 100000");
    EXPECT_TRUE(readable(follower.watch_fd()));
    EXPECT_TRUE(follower.on_watch(now_));
    EXPECT_FALSE(readable(follower.watch_fd()));
    EXPECT_EQ(follower.limits().cpu.cpus, 4);
}

TEST_F(FollowerTest, GrowthCountsAtOnce) {
    Follower follower = start();
    cpu("300000 100000");
    EXPECT_TRUE(follower.on_tick(now_));
    EXPECT_EQ(follower.limits().cpu.cpus, 3);
    cpu("max 100000");
    EXPECT_TRUE(follower.on_tick(now_ += 1s));
    EXPECT_EQ(follower.limits().cpu.state, core::LimitState::unlimited);
}

TEST_F(FollowerTest, CpuShrinkCountsAfterTwoEqualReads) {
    Follower follower = start();
    cpu("100000 100000");
    EXPECT_FALSE(follower.on_watch(now_));
    EXPECT_EQ(follower.limits().cpu.cpus, 2);
    ASSERT_EQ(follower.next_check(), now_ + 100ms);
    EXPECT_TRUE(follower.on_check(now_ + 100ms));
    EXPECT_EQ(follower.limits().cpu.cpus, 1);
}

TEST_F(FollowerTest, AShrinkThatMovesOnWaitsAnew) {
    Follower follower = start();
    cpu("100000 100000");
    EXPECT_FALSE(follower.on_watch(now_));
    cpu("150000 100000");
    EXPECT_FALSE(follower.on_check(now_ + 100ms));
    EXPECT_EQ(follower.next_check(), now_ + 200ms);
    EXPECT_TRUE(follower.on_check(now_ + 200ms));
    EXPECT_EQ(follower.limits().cpu.cpus, 1.5);
}

TEST_F(FollowerTest, AShrinkThatIsTakenBackNeverShows) {
    Follower follower = start();
    cpu("100000 100000");
    EXPECT_FALSE(follower.on_watch(now_));
    cpu("200000 100000");
    EXPECT_FALSE(follower.on_check(now_ + 100ms));
    EXPECT_EQ(follower.generation(), 0u);
    EXPECT_EQ(follower.next_check(), std::nullopt);
}

TEST_F(FollowerTest, MemoryShrinkCountsAtOnceEvenWhileACpuShrinkWaits) {
    Follower follower = start();
    cpu("100000 100000");
    memory("134217728");
    EXPECT_TRUE(follower.on_watch(now_));
    EXPECT_EQ(follower.limits().memory.limit_bytes, 134217728u);
    EXPECT_EQ(follower.limits().cpu.cpus, 2);
}

TEST_F(FollowerTest, LosingSightOfALimitWaitsAndThenIsUnknown) {
    Follower follower = start();
    cpu("rubbish");
    EXPECT_FALSE(follower.on_watch(now_));
    EXPECT_EQ(follower.limits().cpu.cpus, 2);
    EXPECT_TRUE(follower.on_check(now_ + 100ms));
    EXPECT_EQ(follower.limits().cpu.state, core::LimitState::unknown);
    EXPECT_FALSE(follower.limits().warnings.empty());
    cpu("200000 100000");
    EXPECT_FALSE(follower.on_tick(now_ + 1s));  // fewer processors than unknown allowed: confirmed
    EXPECT_TRUE(follower.on_check(now_ + 1100ms));
    EXPECT_EQ(follower.limits().cpu.cpus, 2);
    EXPECT_TRUE(follower.limits().warnings.empty());
}

TEST_F(FollowerTest, AResizeOfSeveralWritesIsOneEvent) {
    Follower follower = start();
    cpu("300000 100000");
    EXPECT_TRUE(follower.on_watch(now_));
    memory("536870912");
    EXPECT_TRUE(follower.on_watch(now_ + 300ms));
    cpu("400000 100000");
    EXPECT_TRUE(follower.on_watch(now_ + 900ms));
    EXPECT_FALSE(follower.on_check(now_ + 1000ms));
    EXPECT_FALSE(follower.take_event().has_value());  // 100 ms of quiet are not enough
    ASSERT_EQ(follower.next_check(), now_ + 1900ms);
    follower.on_check(now_ + 1900ms);
    const auto event = follower.take_event();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(event->text,
              "CPU limit 2 -> 4 (/cg/cpu.max); memory limit 256 MiB -> 512 MiB (/cg/memory.max)");
    EXPECT_EQ(event->source, "/cg/cpu.max");
    EXPECT_EQ(event->before.cpu.cpus, 2);
    EXPECT_EQ(event->after.memory.limit_bytes, 536870912u);
    EXPECT_FALSE(follower.take_event().has_value());
    EXPECT_EQ(follower.next_check(), std::nullopt);
}

TEST_F(FollowerTest, ThereAndBackAgainIsNoEvent) {
    Follower follower = start();
    cpu("300000 100000");
    follower.on_watch(now_);
    cpu("200000 100000");
    follower.on_watch(now_ + 10ms);
    follower.on_check(now_ + 110ms);
    EXPECT_EQ(follower.limits().cpu.cpus, 2);
    follower.on_check(now_ + 5s);
    EXPECT_FALSE(follower.take_event().has_value());
}

TEST_F(FollowerTest, ALimitThatNeverRestsIsStillTold) {
    Follower follower = start();
    bool told = false;
    for (int step = 1; step <= 24; ++step) {
        memory(std::to_string(268435456 + step * 4096));
        follower.on_tick(now_ += 500ms);
        told |= follower.take_event().has_value();
    }
    EXPECT_TRUE(told);
}

TEST_F(FollowerTest, NeverAsksToBeCalledInThePast) {
    Follower follower = start();
    memory("536870912");
    follower.on_watch(now_);
    for (int step = 1; step <= 40; ++step) {  // a shrink that moves on, past the end of the quiet
        cpu(std::to_string(200000 - step * 1000) + " 100000");
        follower.on_watch(now_ += 60ms);
        follower.on_check(now_);
        const auto next = follower.next_check();
        ASSERT_TRUE(next.has_value());
        EXPECT_GT(*next, now_) << step;
    }
}

TEST_F(FollowerTest, AffinityIsFollowedOnTheTick) {
    Follower follower = start();
    cpu("max 100000");
    follower.on_tick(now_);
    container_.write("sys/devices/system/cpu/online", "0-15\n");
    EXPECT_TRUE(follower.on_tick(now_ += 1s));
    EXPECT_EQ(follower.limits().cpu.affinity, 16);
    container_.write("sys/devices/system/cpu/online", "0-3\n");
    EXPECT_FALSE(follower.on_tick(now_ += 1s));
    EXPECT_TRUE(follower.on_check(now_ += 100ms));
    EXPECT_EQ(follower.limits().cpu.affinity, 4);
}

TEST_F(FollowerTest, AMoveToAnotherGroupIsResolvedAnewWithinTwoTicks) {
    Follower follower = start();
    container_.write("cg/other/cpu.max", "700000 100000\n");
    container_.write("cg/other/memory.max", "max\n");
    cpu("max 100000");
    follower.on_watch(now_);
    container_.write("proc/self/cgroup", "0::/other\n");
    follower.on_tick(now_ += 1s);
    follower.on_tick(now_ += 1s);
    follower.on_check(now_ += 100ms);
    EXPECT_EQ(follower.limits().cpu.cpus, 7);
    EXPECT_EQ(follower.limits().cpu.source, "/cg/other/cpu.max");
    container_.write("cg/other/cpu.max", "800000 100000\n");
    EXPECT_TRUE(readable(follower.watch_fd()));  // the new group is watched
    EXPECT_TRUE(follower.on_watch(now_));
}

TEST_F(FollowerTest, AControllerEnabledLaterIsFoundByTheFullTick) {
    container_.write("proc/self/cgroup", "0::/child\n");
    container_.write("cg/child/cgroup.type", "domain\n");
    cpu("max 100000");
    Follower follower = start();
    container_.write("cg/child/cpu.max", "300000 100000\n");
    for (int tick = 0; tick < 10; ++tick) follower.on_tick(now_ += 1s);
    follower.on_check(now_ += 100ms);
    EXPECT_EQ(follower.limits().cpu.cpus, 3);
    cpu("100000 100000");
    EXPECT_TRUE(readable(follower.watch_fd()));
}

}  // namespace
}  // namespace pilotfish::cgroup
