#include "daemon/usage_view.h"

#include "cgroup/headroom.h"

namespace pilotfish::daemon {
namespace {

void add_pressure(http::UsageView& view, const char* resource, const cgroup::Pressure& pressure) {
    if (!pressure.some_seconds) return;
    view.pressure.push_back({resource, *pressure.some_seconds, pressure.full_seconds,
                             pressure.some_avg10, pressure.full_avg10});
}

void add_event(http::UsageView& view, const char* event,
               const std::optional<std::uint64_t>& times) {
    if (times) view.memory_events.push_back({event, *times});
}

}  // namespace

http::UsageView usage_view(const cgroup::Usage& usage, const ContainerStrain::Figures& strain,
                           std::uint64_t kills_below) {
    http::UsageView view;
    view.cpu_seconds = usage.cpu.used_seconds;
    view.cpu_periods = usage.cpu.periods;
    view.cpu_throttled_periods = usage.cpu.throttled;
    view.cpu_throttled_seconds = usage.cpu.throttled_seconds;
    view.cpu_throttled_ratio = strain.throttled_share;
    view.cpu_burst_periods = usage.cpu.bursts;
    view.cpu_burst_seconds = usage.cpu.burst_seconds;
    view.memory_usage_bytes = usage.memory.usage_bytes;
    view.memory_working_set_bytes = usage.memory.working_set_bytes();
    view.memory_peak_bytes = usage.memory.peak_bytes;
    view.memory_swap_bytes = usage.memory.swap_bytes;
    const cgroup::MemoryEvents& events = usage.memory.events;
    if (events.oom_kill) view.memory_oom_kills = *events.oom_kill + kills_below;
    add_event(view, "low", events.low);
    add_event(view, "high", events.high);
    add_event(view, "max", events.max);
    add_event(view, "oom", events.oom);
    add_event(view, "oom_group_kill", events.oom_group_kill);
    view.memory_pressure_events = strain.pressure_events;
    if (const auto near = cgroup::headroom(usage))
        view.headroom = {near->load, near->left_bytes(), near->limit_bytes, near->source,
                         near->at_least};
    add_pressure(view, "cpu", usage.cpu_pressure);
    add_pressure(view, "memory", usage.memory_pressure);
    add_pressure(view, "io", usage.io_pressure);
    return view;
}

}  // namespace pilotfish::daemon
