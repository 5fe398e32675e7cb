// The children of this process: who among them is a worker, and the reaping of all of them.
//
// A worker's process is registered under the same lock that reaping takes, so a child that ends at
// once is never collected before it is known. Whoever is not registered is an orphan that came to
// us as PID 1 or subreaper, and is taken away silently.
//
// Thread-safety: all members, any thread. Ownership: listeners are borrowed until their exit was
// reported. Suspends: start(). Blocks: spawn() until exec succeeded or failed; reap() while a
// spawn() is under way.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "core/semaphore.h"
#include "daemon/exit_status.h"
#include "daemon/spawn.h"
#include "daemon/spawner.h"

namespace pilotfish::daemon {

// What became of a registered process.
struct ProcessEnd {
    pid_t pid;
    ExitStatus status;
    std::uint64_t cpu_ns;  // user and system time of it and of the children it waited for
};

// Called under the table's lock: only hand the news on.
class ProcessListener {
  public:
    virtual void process_ended(const ProcessEnd& end) = 0;
    // The terminal's job control stopped it.
    virtual void process_stopped(pid_t pid) = 0;

  protected:
    ~ProcessListener() = default;
};

struct ReapCounts {
    int workers = 0;
    int orphans = 0;
};

class ProcessTable {
  public:
    // Starts a process whose end is reported to listener, maybe before start() returns. What its
    // group still holds at that end gets leftover_signal and SIGCONT (0: nothing), sent while the
    // group's name cannot be reused.
    core::Task<SpawnResult> start(const SpawnRequest& request, ProcessListener& listener,
                                  int leftover_signal);
    // The thread that start() makes children on.
    Spawner& spawner() noexcept { return spawner_; }
    // The same on the thread that calls: for whoever is on that thread already.
    SpawnResult spawn(const SpawnRequest& request, ProcessListener& listener, int leftover_signal);

    // A child that the image of this process before has started.
    void adopt(pid_t pid, ProcessListener& listener, int leftover_signal);
    void adopt_count(std::uint64_t orphans);
    // While the lock is held nobody is started or collected.
    [[nodiscard]] std::unique_lock<std::mutex> freeze() { return std::unique_lock(mutex_); }
    // Those whose end somebody waits for. Requires: frozen by the caller.
    std::vector<pid_t> registered() const;

    // Collects every child that has ended. Call it on each SIGCHLD: one signal may stand for many.
    ReapCounts reap();

    // True while any child is left, alive or not. As PID 1 or subreaper: while any descendant is.
    static bool has_children() noexcept;

    std::uint64_t orphans_reaped() const noexcept;

    // Children are made one after another, so what a thousand starts at once would hold meanwhile
    // is held for this many only. Any task.
    core::Semaphore& turns() noexcept { return turns_; }

  private:
    struct Entry {
        ProcessListener* listener;
        int leftover_signal;
    };
    mutable std::mutex mutex_;
    std::unordered_map<pid_t, Entry> entries_;
    std::uint64_t orphans_ = 0;
    Spawner spawner_;
    core::Semaphore turns_{16};
};

}  // namespace pilotfish::daemon
