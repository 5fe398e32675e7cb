// Watches what the container and its workers hold in memory, and carries out what the guard
// (daemon/memory_guard.h) decides: signals, restarts, warnings, each told in the log, counted, and
// traced.
//
// The container is measured where it is nearest to its limit (memory_load.h). A worker is measured
// by its own group where the kernel counts for it, else over its processes (worker_memory.h);
// hosted tasks share one heap, so each counts with all of it. Sizes are taken only while the
// container is not far from its soft limit, or for a MEMORY: one that no cgroup caps at every fifth
// tick, and at each while somebody is above 80% of it.
//
// A task of its own measures, off the processors, as a walk over /proc takes milliseconds where
// there are many processes; the tick and the kernel's word of pressure only wake it, so there are
// never two looks at once.
//
// Thread-safety: counts(), limits_tick() and pressure_told(), any thread; run() once, as a task.
// Ownership: borrows all of its parts. Suspends: run(), for ever. Blocks: only run()'s calls beside
// the scheduler, on cgroupfs and /proc: 20 us a look; with sizes 10 us more for each process of the
// machine. Fails: never.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/event.h"
#include "core/task.h"
#include "daemon/container_limits.h"
#include "daemon/current_configuration.h"
#include "daemon/event_log.h"
#include "daemon/memory_guard.h"
#include "daemon/memory_load.h"
#include "daemon/memory_trace.h"
#include "daemon/supervisor.h"
#include "daemon/worker_memory.h"

namespace pilotfish::daemon {

// What the kernel counts for a worker's own group.
struct WorkerGroupMemory {
    std::uint64_t firm_bytes = 0;              // without page cache
    std::optional<std::uint64_t> limit_bytes;  // as it was taken; nullopt: none
};

struct MemoryWatchParts {
    const CurrentConfiguration& configuration;
    ContainerLimits& limits;
    const Supervisor& supervisor;
    MemoryTrace& trace;
    EventLog& events;
    // Called on any thread, one at a time. nullopt: it has no group that counts memory.
    std::function<std::optional<WorkerGroupMemory>(const Worker&)> group_memory;
};

class MemoryWatch final : public LimitsListener {
  public:
    static constexpr std::size_t kKinds = 4;  // of GuardAction::Kind
    using Counts = std::array<std::uint64_t, kKinds>;

    explicit MemoryWatch(MemoryWatchParts parts);

    core::Task<void> run();
    // The configuration has changed. Any thread.
    void reconfigure();

    void limits_tick(std::chrono::steady_clock::time_point) override {
        ticks_.fetch_add(1, std::memory_order_relaxed);
        if (needed_.load(std::memory_order_relaxed)) due_.set();
    }
    // The kernel told of memory pressure: a look at once.
    void pressure_told() {
        if (!needed_.load(std::memory_order_relaxed)) return;
        pressed_.store(true, std::memory_order_relaxed);
        due_.set();
    }

    // What was done so far to the worker of this name.
    Counts counts(const std::string& worker) const;

  private:
    struct Exact {
        std::chrono::steady_clock::time_point at{};
        std::uint64_t run = 0;
        std::uint64_t bytes = 0;
    };
    struct Watched {
        Exact exact;
        std::uint64_t unheard_in = 0;  // the run in which a signal was withheld; 0: none
    };

    std::vector<GuardAction> look(std::chrono::steady_clock::time_point now, bool pressed);
    void follow(const WorkerList& workers);
    void note_workers(const Budgets& budgets);
    bool own_are_due(bool pressed);
    void measure_workers(bool all, bool near, std::chrono::steady_clock::time_point now);
    std::uint64_t exact_bytes(std::size_t at, const TreeMemory& tree,
                              std::chrono::steady_clock::time_point now);
    void carry_out(GuardAction action);

    const MemoryWatchParts parts_;
    std::atomic<bool> needed_{false};  // some worker has ON_MEMORY or MEMORY
    core::Event due_;
    std::atomic<std::uint64_t> ticks_{0};
    std::atomic<bool> pressed_{false};
    // run()'s own. What has a place for each worker has it by this list.
    WorkerList list_;
    MemoryGuard guard_{0};
    std::vector<GuardedWorker> workers_;
    std::vector<Watched> watched_;
    std::uint64_t own_measured_at_ = 0;     // a tick
    bool some_own_is_near_ = true;          // at the last look, or nobody has looked yet
    mutable std::mutex mutex_;              // over the counts
    std::map<std::string, Counts> counts_;  // by worker
};

}  // namespace pilotfish::daemon
