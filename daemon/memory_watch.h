// Watches what the container and its workers hold in memory, and carries out what the guard
// (daemon/memory_guard.h) decides: signals, restarts, warnings, each told in the log, counted, and
// traced.
//
// The container is measured at the level that owns its limit (cgroup/headroom.h). A worker is
// measured by its own group where the kernel counts for it, else over its processes
// (worker_memory.h); hosted tasks share one heap, so each counts with all of it. Sizes are taken
// only while the container is not far from its soft limit, or for a MEMORY that no cgroup caps.
//
// Thread-safety: any thread (one lock). Ownership: borrows all of its parts. Blocks: on cgroupfs
// and /proc: 20 us a look; with sizes 10 us more for each process of the machine. Fails: never.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "daemon/container_limits.h"
#include "daemon/event_log.h"
#include "daemon/memory_guard.h"
#include "daemon/memory_trace.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {

struct MemoryWatchParts {
    const config::Configuration& configuration;
    ContainerLimits& limits;
    const Supervisor& supervisor;
    MemoryTrace& trace;
    EventLog& events;
    // What the kernel counts for a worker's own group, which it caps. nullopt: there is none.
    std::function<std::optional<std::uint64_t>(const Worker&)> group_bytes;
};

class MemoryWatch final : public LimitsListener {
  public:
    static constexpr std::size_t kKinds = 4;  // of GuardAction::Kind
    using Counts = std::array<std::uint64_t, kKinds>;

    explicit MemoryWatch(MemoryWatchParts parts);

    void limits_tick(std::chrono::steady_clock::time_point now) override { look(now, false); }
    // The kernel told of memory pressure: a look at once.
    void pressure_told(std::chrono::steady_clock::time_point now) { look(now, true); }

    // What was done so far to the worker that has this place among the supervisor's.
    Counts counts(std::size_t worker) const;

  private:
    struct Exact {
        std::chrono::steady_clock::time_point at{};
        std::uint64_t run = 0;
        std::uint64_t bytes = 0;
    };
    struct Container {
        std::uint64_t used_bytes = 0;
        std::optional<std::uint64_t> soft_bytes;
    };

    void look(std::chrono::steady_clock::time_point now, bool pressed);
    Container measure_container(const LimitsSnapshot& limits);
    void measure_workers(bool all, std::chrono::steady_clock::time_point now);
    void carry_out(const GuardAction& action);

    const MemoryWatchParts parts_;
    const bool needed_;  // some worker has ON_MEMORY or MEMORY
    mutable std::mutex mutex_;
    MemoryGuard guard_;
    std::vector<GuardedWorker> workers_;
    std::vector<Exact> exact_;
    std::vector<Counts> counts_;
};

}  // namespace pilotfish::daemon
