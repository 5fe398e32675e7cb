// How the container suffers under its limits, watched as long as it lives: memory pressure, told to
// whoever can relieve it at once; processes that the kernel killed; a CPU quota that throttles.
//
// Thread-safety: the figures, any thread; the rest on the task of ContainerLimits::follow() and a
// task of its own. Ownership: borrows limits, OOM watch and events, which must outlive the runtime.
// Blocks: only on cgroupfs, some microseconds. Fails: never; what the kernel does not tell is not
// there.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "cgroup/pressure_trigger.h"
#include "cgroup/throttling.h"
#include "core/task.h"
#include "daemon/container_limits.h"
#include "daemon/event_log.h"
#include "daemon/oom_verdict.h"

namespace pilotfish::daemon {

class ContainerStrain final : public LimitsListener {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // on_pressure: called when the kernel tells of memory pressure, at most once a second or two;
    // it must not block.
    ContainerStrain(ContainerLimits& limits, OomWatch& oom, EventLog& events,
                    std::function<void(TimePoint)> on_pressure);

    void limits_changed(const LimitsSnapshot& now) override;
    void limits_tick(TimePoint now) override;

    struct Figures {
        std::uint64_t pressure_events = 0;      // times the kernel told of memory pressure
        std::optional<double> throttled_share;  // of the last window's periods
    };
    Figures figures() const;

  private:
    void watch_pressure(const LimitsSnapshot& now);
    core::Task<void> wait_for_pressure(cgroup::PressureTrigger trigger);
    void note_pressure(TimePoint now);
    void mind_throttling(TimePoint now);

    ContainerLimits& limits_;
    OomWatch& oom_;
    EventLog& events_;
    const std::function<void(TimePoint)> on_pressure_;
    std::atomic<std::uint64_t> pressure_events_{0};

    // The follow task's own.
    std::string watched_directory_;
    bool watching_ = false;
    std::optional<cgroup::PressureTrigger> polled_;
    core::JoinHandle<void> waiter_;
    std::atomic<bool> trigger_lost_{false};  // its task has ended

    mutable std::mutex mutex_;
    std::string cpu_source_;  // the file that says the quota; empty: none
    cgroup::Throttling throttling_;
};

}  // namespace pilotfish::daemon
