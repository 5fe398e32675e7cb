// A worker's hosted task: a plugin's coroutine on the daemon's own scheduler.
//
// As daemon/worker_run.h says. Ownership: each run's context stays until the process
// ends, as what the run leaves behind may use it for so long; so must settings, log and listener,
// which are borrowed. Blocks: never; the
// file is loaded beside the scheduler. Limits: a task that neither waits nor ends holds its
// processor, and nobody can take that away from it.
#pragma once

#include <mutex>

#include "daemon/plugin_file.h"
#include "daemon/worker_log.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {

class HostedContext;

class HostedRun final : public WorkerRun {
  public:
    HostedRun(const config::WorkerSettings& settings, WorkerLog& log, RunListener& listener);
    ~HostedRun() override;

    core::Task<std::optional<RunEnd>> start() override;
    bool ready_at_once() const override { return false; }
    pid_t pid() const override { return -1; }
    void ask_to_stop(const ReceivedSignal& signal) override;
    void end_by_force() override;
    std::string_view force_words() const override {
        return "a task cannot be killed, so it is left behind";
    }
    bool forward(const ReceivedSignal&) override { return false; }
    void suspend_with_it() override {}
    void over(EndReason reason) override;
    bool has_leftovers(bool closely) override;
    std::string_view leftover_words() const override {
        return "left tasks behind that did not end: they go on without it";
    }
    void end_leftovers_by_force() override;

  private:
    const config::WorkerSettings& settings_;
    WorkerLog& log_;
    RunListener& listener_;
    std::optional<LoadedPlugin> plugin_;

    std::mutex mutex_;
    HostedContext* context_ = nullptr;  // of the current run, until nothing is left of it
    std::string run_number_;            // of the current run, as its tasks are labelled
    core::JoinHandle<void> task_;
};

}  // namespace pilotfish::daemon
