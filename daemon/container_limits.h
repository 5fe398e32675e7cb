// What the container allows, followed live: read at the start, applied to the scheduler and the
// daemon's own heap, divided among the workers, told in the log and shown by the admin plane. Its
// task has the one tick that all of the daemon shares.
//
// Thread-safety: snapshot(), budgets() and usage(), any thread; add_listener() before follow();
// follow() once, as a task. Ownership: owns the follower and its descriptors; borrows the
// configuration and the listeners. Blocks: only on cgroupfs, some microseconds. Fails: never; what
// could not be read is in the warnings.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "cgroup/derive.h"
#include "cgroup/follower.h"
#include "cgroup/usage.h"
#include "config/load.h"
#include "core/limits.h"
#include "core/task.h"
#include "daemon/budgets.h"
#include "daemon/current_configuration.h"
#include "daemon/event_log.h"
#include "daemon/memory_trace.h"

namespace pilotfish::daemon {

// The settings that decide what is made of the limits.
cgroup::DerivePolicy derive_policy(const config::Settings& settings);

struct LimitsSnapshot {
    core::Limits limits;
    core::DerivedLimits derived;
    std::shared_ptr<const Budgets> budgets;  // never nullptr
};

// Who else lives by the limits. All are called on the task of follow(), one after another: they may
// read some files of /proc or cgroupfs, and wait for nothing.
class LimitsListener {
  public:
    // At each change, possibly several a resize; the daemon itself has followed already.
    virtual void limits_changed(const LimitsSnapshot&) {}
    // Once a resize, when it has come to rest.
    virtual void limits_resized(const cgroup::LimitsEvent&) {}
    // Each PILOTFISH_LIMITS_INTERVAL.
    virtual void limits_tick(std::chrono::steady_clock::time_point /*now*/) {}

  protected:
    ~LimitsListener() = default;
};

class ContainerLimits {
  public:
    // Reads everything once.
    ContainerLimits(const CurrentConfiguration& configuration, EventLog& events);

    using Snapshot = LimitsSnapshot;
    // The listener must stay as long as follow() runs.
    void add_listener(LimitsListener& listener) { listeners_.push_back(&listener); }
    // Where a cycle of the heap is told; before follow(). nullptr: nowhere.
    void trace_to(MemoryTrace* trace) { trace_ = trace; }
    Snapshot snapshot() const;
    std::shared_ptr<const Budgets> budgets() const;  // of the snapshot
    // The configuration has changed: derives and divides anew. Any thread.
    void reconfigure();
    cgroup::Usage usage();
    // Of the group that owns the CPU limit: one file, read anew.
    cgroup::CpuUsage throttling() { return usage_.read_throttling(); }
    const cgroup::FileSource& source() const { return source_; }

    // "processors 2: 1.5 CPUs of /sys/fs/cgroup/cpu.max, rounded up; soft memory limit 230 MiB:
    // ..."
    std::string summary() const;

    // Runs until the runtime ends: hands processors and heap budget to the runtime, now and after
    // each change, and steps in as this process's own heap nears its budget.
    core::Task<void> follow();

  private:
    Snapshot take_snapshot(const core::Limits& limits) const;
    void catch_up();
    void publish();
    // nullopt: the limits that are known.
    Snapshot renew(const std::optional<core::Limits>& limits);
    void tell(const cgroup::LimitsEvent& event);
    void apply() const;
    core::Task<void> mind_the_heap(std::chrono::steady_clock::time_point now);

    const CurrentConfiguration& configuration_;
    const std::chrono::nanoseconds interval_;
    const cgroup::FileSource source_;
    std::unique_ptr<cgroup::Follower>
        follower_;  // made by follow(): its watches need not hold up a start
    EventLog& events_;
    std::vector<LimitsListener*> listeners_;
    MemoryTrace* trace_ = nullptr;
    // Of follow(): when to look whether the brake can be let go of; max: it is off.
    std::chrono::steady_clock::time_point next_brake_check_ =
        std::chrono::steady_clock::time_point::max();
    mutable std::mutex mutex_;
    Snapshot snapshot_;
    cgroup::UsageReader usage_;
};

}  // namespace pilotfish::daemon
