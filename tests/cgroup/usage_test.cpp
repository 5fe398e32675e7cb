#include "cgroup/usage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "cgroup/limits_reader.h"
#include "tests/cgroup/replayed.h"
#include "tests/support/test_support.h"

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;

TEST(PressureText, GivesAveragesAndTotals) {
    const Pressure pressure = parse_pressure(
        "some avg10=1.45 avg60=1.60 avg300=0.62 total=7274993\n"
        "full avg10=0.10 avg60=0.00 avg300=0.00 total=1000000\n");
    EXPECT_DOUBLE_EQ(pressure.some_avg10.value(), 1.45);
    EXPECT_DOUBLE_EQ(pressure.full_avg10.value(), 0.1);
    EXPECT_DOUBLE_EQ(pressure.some_seconds.value(), 7.274993);
    EXPECT_DOUBLE_EQ(pressure.full_seconds.value(), 1.0);
}

TEST(PressureText, GivesNothingForWhatIsNotThereOrNotANumber) {
    EXPECT_FALSE(parse_pressure("").some_avg10.has_value());
    const Pressure odd = parse_pressure("some avg10=nan total=-1\nfull avg10=1e9 total=\n");
    EXPECT_FALSE(odd.some_avg10.has_value());
    EXPECT_FALSE(odd.some_seconds.has_value());
    EXPECT_FALSE(odd.full_avg10.has_value());
    EXPECT_FALSE(odd.full_seconds.has_value());
    EXPECT_FALSE(parse_pressure("some avg10=1.0\n").full_avg10.has_value());
}

TEST(WorkingSet, IsUsageLessInactiveFileAndNeverNegative) {
    MemoryUsage usage;
    EXPECT_EQ(usage.working_set_bytes(), std::nullopt);
    usage.usage_bytes = 100;
    usage.inactive_file_bytes = 30;
    EXPECT_EQ(usage.working_set_bytes(), 70u);
    usage.inactive_file_bytes = 130;
    EXPECT_EQ(usage.working_set_bytes(), 0u);
}

class UsageTest : public testing::Test {
  protected:
    void on_v2() {
        container_.write("proc/self/cgroup", "0::/pod/c\n");
        container_.write("proc/self/mountinfo", "59 58 0:25 / /cg ro - cgroup2 cgroup rw\n");
        container_.write("cg/pod/cpu.max", "100000 100000\n");
        container_.write("cg/pod/memory.max", "268435456\n");
        container_.write("cg/pod/cpu.stat",
                         "usage_usec 9000000\nnr_periods 12\nnr_throttled 11\n"
                         "throttled_usec 894399\nnr_bursts 3\nburst_usec 250000\n");
        container_.write("cg/pod/memory.current", "200000000\n");
        container_.write("cg/pod/memory.stat", "anon 1\ninactive_file 50000000\n");
        container_.write("cg/pod/c/cpu.stat",
                         "usage_usec 2500000\nnr_periods 0\nnr_throttled 0\nthrottled_usec 0\n");
        container_.write("cg/pod/c/memory.current", "104857600\n");
        container_.write("cg/pod/c/memory.stat",
                         "anon 1\nfile 2\ninactive_anon 7\ninactive_file 4857600\n");
        container_.write("cg/pod/c/memory.peak", "150000000\n");
        container_.write("cg/pod/c/memory.events",
                         "low 0\nhigh 4\nmax 35\noom 1\noom_kill 2\noom_group_kill 1\n");
        container_.write("cg/pod/c/memory.swap.current", "8192\n");
        container_.write("cg/pod/c/memory.pressure",
                         "some avg10=5.00 avg60=0.00 avg300=0.00 total=2000000\n"
                         "full avg10=1.00 avg60=0.00 avg300=0.00 total=1000000\n");
    }
    tests::TempDir container_;
    UsageReader::TimePoint now_{1h};
};

TEST_F(UsageTest, OfV2ReadsTheOwnGroupAndTheGroupThatOwnsTheLimit) {
    on_v2();
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source));
    const Usage usage = reader.read(now_);
    EXPECT_EQ(usage.cpu.periods, 12u);  // of the pod, which owns the quota
    EXPECT_EQ(usage.cpu.throttled, 11u);
    EXPECT_DOUBLE_EQ(usage.cpu.throttled_seconds.value(), 0.894399);
    EXPECT_DOUBLE_EQ(usage.cpu.used_seconds.value(), 2.5);
    EXPECT_EQ(usage.memory.usage_bytes, 104857600u);
    EXPECT_EQ(usage.memory.working_set_bytes(), 100000000u);
    EXPECT_EQ(usage.memory.peak_bytes, 150000000u);
    EXPECT_EQ(usage.memory.events.oom_kill, 2u);
    EXPECT_EQ(usage.memory.events.high, 4u);
    EXPECT_EQ(usage.memory.events.max, 35u);
    EXPECT_EQ(usage.memory.events.oom, 1u);
    EXPECT_EQ(usage.memory.events.oom_group_kill, 1u);
    EXPECT_EQ(usage.memory.swap_bytes, 8192u);
    EXPECT_EQ(usage.cpu.bursts, 3u);
    EXPECT_DOUBLE_EQ(usage.cpu.burst_seconds.value(), 0.25);
    ASSERT_EQ(usage.memory_levels.size(), 1u);  // of the pod, which owns the memory limit
    EXPECT_EQ(usage.memory_levels[0].source, "/cg/pod/memory.max");
    EXPECT_EQ(usage.memory_levels[0].limit_bytes, 268435456u);
    EXPECT_EQ(usage.memory_levels[0].working_set_bytes, 150000000u);
    EXPECT_DOUBLE_EQ(usage.memory_pressure.some_avg10.value(), 5);
    EXPECT_FALSE(usage.cpu_pressure.some_avg10.has_value());
}

TEST_F(UsageTest, ALevelThatHasOnlyAHighIsMeasuredToo) {
    on_v2();
    container_.write("cg/pod/c/memory.max", "max\n");
    container_.write("cg/pod/c/memory.high", "120000000\n");
    container_.write("cg/pod/c/memory.stat", "inactive_file 4857600\nactive_file 90000000\n");
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source));
    const Usage usage = reader.read(now_);
    ASSERT_EQ(usage.memory_levels.size(), 2u);
    EXPECT_EQ(usage.memory_levels[0].limit_bytes, std::nullopt);
    EXPECT_EQ(usage.memory_levels[0].high_bytes, 120000000u);
    EXPECT_EQ(usage.memory_levels[0].working_set_bytes, 100000000u);
    EXPECT_EQ(usage.memory_levels[0].firm_bytes, 10000000u);
    EXPECT_EQ(usage.memory_levels[1].firm_bytes, std::nullopt);
}

TEST_F(UsageTest, OfV1HasTheSameFiguresUnderTheirOldNames) {
    container_.write("proc/self/cgroup", "3:memory:/\n1:cpu,cpuacct:/\n");
    container_.write("proc/self/mountinfo",
                     "1 0 0:29 / /cg/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
                     "2 0 0:30 / /cg/memory ro - cgroup cgroup rw,memory\n");
    container_.write("cg/cpu/cpu.stat",
                     "nr_periods 5\nnr_throttled 4\nthrottled_time 1500000000\n"
                     "nr_bursts 1\nburst_time 500000000\n");
    container_.write("cg/cpu/cpuacct.usage", "2000000000\n");
    container_.write("cg/memory/memory.usage_in_bytes", "1000\n");
    container_.write("cg/memory/memory.stat",
                     "inactive_file 1\ntotal_inactive_file 400\ntotal_swap 12\n");
    container_.write("cg/memory/memory.failcnt", "19\n");
    container_.write("cg/memory/memory.max_usage_in_bytes", "2000\n");
    container_.write("cg/memory/memory.oom_control",
                     "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source));
    const Usage usage = reader.read(now_);
    EXPECT_EQ(usage.cpu.throttled, 4u);
    EXPECT_DOUBLE_EQ(usage.cpu.throttled_seconds.value(), 1.5);
    EXPECT_DOUBLE_EQ(usage.cpu.used_seconds.value(), 2.0);
    EXPECT_EQ(usage.memory.working_set_bytes(), 600u);
    EXPECT_EQ(usage.memory.peak_bytes, 2000u);
    EXPECT_EQ(usage.memory.events.oom_kill, 3u);
    EXPECT_EQ(usage.memory.events.max, 19u);
    EXPECT_EQ(usage.memory.swap_bytes, 12u);
    EXPECT_DOUBLE_EQ(usage.cpu.burst_seconds.value(), 0.5);
    EXPECT_FALSE(usage.memory_pressure.some_avg10.has_value());
}

TEST_F(UsageTest, IsReadAgainOnlyWhenItIsTooOld) {
    on_v2();
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source), 250ms);
    EXPECT_EQ(reader.read(now_).memory.usage_bytes, 104857600u);
    container_.write("cg/pod/c/memory.current", "7\n");
    EXPECT_EQ(reader.read(now_ + 249ms).memory.usage_bytes, 104857600u);
    EXPECT_EQ(reader.read(now_ + 250ms).memory.usage_bytes, 7u);
}

TEST_F(UsageTest, OfNothingIsNothing) {
    container_.write("proc/self/cgroup", "");
    container_.write("proc/self/mountinfo", "");
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source));
    const Usage usage = reader.read(now_);
    EXPECT_FALSE(usage.memory.usage_bytes.has_value());
    EXPECT_FALSE(usage.cpu.periods.has_value());
    EXPECT_TRUE(usage.memory_levels.empty());
}

TEST_F(UsageTest, MayBeAskedByManyThreadsWhileTheOwnerChanges) {
    on_v2();
    const FileSource source = tests::replayed_source(container_.path());
    const core::Limits limits = read_limits(source);
    UsageReader reader(source, limits, 0ms);
    std::atomic<int> wrong = 0;
    std::vector<std::thread> askers;
    for (int asker = 0; asker < 4; ++asker) {
        askers.emplace_back([&] {
            for (int times = 0; times < 200; ++times)
                if (reader.read(now_).memory.usage_bytes != 104857600u) ++wrong;
        });
    }
    for (int times = 0; times < 50; ++times) reader.resolve(limits);
    for (std::thread& asker : askers) asker.join();
    EXPECT_EQ(wrong, 0);
}

TEST_F(UsageTest, FollowsAChangeOfTheOwner) {
    on_v2();
    const FileSource source = tests::replayed_source(container_.path());
    UsageReader reader(source, read_limits(source));
    container_.write("cg/pod/c/cpu.max", "50000 100000\n");
    container_.write("cg/pod/c/cpu.stat", "usage_usec 1\nnr_periods 77\n");
    reader.resolve(read_limits(source));
    EXPECT_EQ(reader.read(now_).cpu.periods, 77u);
}

}  // namespace
}  // namespace pilotfish::cgroup
