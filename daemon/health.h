// A worker's health over all its runs: one HealthRun each, the board that shows it, and what is
// said when a run is to be ended for it.
//
// A worker without READY, LIVENESS and WATCHDOG costs nothing: there is no run and no task.
//
// Thread-safety: board(), any thread; the rest, the worker's life alone. Ownership: borrows
// settings, context, log and owner, which outlive it. Suspends: end(). Fails: prepare(), with a
// sentence.
#pragma once

#include <memory>

#include "daemon/health_run.h"
#include "daemon/worker_context.h"
#include "daemon/worker_log.h"

namespace pilotfish::daemon {

class Health final : HealthListener {
  public:
    Health(const config::WorkerSettings& settings, WorkerContext& context, WorkerLog& log,
           HealthListener& owner);
    ~Health();

    // Before a process is spawned.
    core::Result<void> prepare(SpawnRequest& request);
    // It runs; pid: -1 for a hosted task.
    void begin(pid_t pid);
    void note_ready();
    // It is asked to end, by this signal.
    void stopping(int signal);
    core::Task<void> end();

    // An upgrade in place (daemon/health_handover.cpp). The life rests from hold() to let_go(),
    // both on one thread. resume(): what is known of earlier runs; adopt(): a process runs, whose
    // log is not taken over yet.
    void hold();
    void let_go();
    bool is_telling() const { return run_ && run_->is_telling(); }
    void save(HealthHandover& handover) const;
    void resume(const HealthHandover& handover);
    void adopt(pid_t pid, const SpawnRequest& request, const HealthHandover& handover);

    // nullptr: nothing is asked of it.
    const HealthBoard* board() const { return board_.get(); }

  private:
    void health_ready() override { owner_.health_ready(); }
    void health_trouble(HealthTrouble trouble, std::vector<std::string> evidence) override;
    void health_extends_stop(core::TimePoint until) override { owner_.health_extends_stop(until); }
    void make_run();

    const config::WorkerSettings& settings_;
    WorkerContext& context_;
    WorkerLog& log_;
    HealthListener& owner_;
    config::LinePattern ready_pattern_;
    const std::unique_ptr<HealthBoard> board_;
    std::unique_ptr<HealthRun> run_;  // nullptr: none is there
};

}  // namespace pilotfish::daemon
