#include "daemon/usage_view.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

TEST(UsageView, HoldsWhatTheContainerUsesAndTheFullestLevel) {
    cgroup::Usage usage;
    usage.cpu.bursts = 3;
    usage.memory.usage_bytes = 100;
    usage.memory.inactive_file_bytes = 30;
    usage.memory.peak_bytes = 150;
    usage.memory.swap_bytes = 7;
    usage.memory_levels = {{"/c/memory.max", 100, 70, false}, {"/pod/memory.max", 200, 190, true}};
    ContainerStrain::Figures strain;
    strain.pressure_events = 4;
    strain.throttled_share = 0.25;
    const http::UsageView view = usage_view(usage, strain, 0);
    EXPECT_EQ(view.cpu_burst_periods, 3U);
    EXPECT_EQ(view.cpu_throttled_ratio, 0.25);
    EXPECT_EQ(view.memory_working_set_bytes, 70U);
    EXPECT_EQ(view.memory_peak_bytes, 150U);
    EXPECT_EQ(view.memory_swap_bytes, 7U);
    EXPECT_EQ(view.memory_pressure_events, 4U);
    ASSERT_TRUE(view.headroom.has_value());
    EXPECT_EQ(view.headroom->level, "/pod/memory.max");
    EXPECT_EQ(view.headroom->left_bytes, 10U);
    EXPECT_TRUE(view.headroom->at_least);
}

TEST(UsageView, CountsTheKillsThatTheContainersOwnCountMisses) {
    cgroup::Usage usage;
    EXPECT_FALSE(usage_view(usage, {}, 2).memory_oom_kills.has_value()) << "nothing is counted";
    usage.memory.events.oom_kill = 3;
    usage.memory.events.max = 9;
    const http::UsageView view = usage_view(usage, {}, 2);
    EXPECT_EQ(view.memory_oom_kills, 5U);
    ASSERT_EQ(view.memory_events.size(), 1U) << "what is not counted is left out";
    EXPECT_EQ(view.memory_events[0].event, "max");
    EXPECT_EQ(view.memory_events[0].times, 9U);
}

TEST(UsageView, LeavesOutWhatIsNotKnown) {
    cgroup::Usage usage;
    usage.memory_pressure.some_seconds = 1.5;
    usage.memory_pressure.some_avg10 = 12;
    const http::UsageView view = usage_view(usage, {}, 0);
    EXPECT_FALSE(view.headroom.has_value());
    ASSERT_EQ(view.pressure.size(), 1U);
    EXPECT_EQ(view.pressure[0].resource, "memory");
    EXPECT_EQ(view.pressure[0].some_percent, 12);
    EXPECT_FALSE(view.pressure[0].full_percent.has_value());
}

}  // namespace
}  // namespace pilotfish::daemon
