// A worker's child process: its start with pipes and terminal, its pidfd, its process group and
// its child group.
//
// As daemon/worker_run.h says. Ownership: owns the pidfd; borrows settings, role, context, log,
// health and listener, which must outlive it.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "daemon/escapees.h"
#include "daemon/health.h"
#include "daemon/worker_log.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {

class ProcessRun final : public WorkerRun, ProcessListener {
  public:
    ProcessRun(const config::WorkerSettings& settings, const WorkerRole& role,
               WorkerContext& context, WorkerLog& log, Health& health, RunListener& listener);
    ~ProcessRun() override;
    ProcessRun(const ProcessRun&) = delete;
    ProcessRun& operator=(const ProcessRun&) = delete;

    core::Task<std::optional<RunEnd>> start() override;
    bool ready_at_once() const override {
        return settings_.ready.kind == config::ReadySetting::Kind::none;
    }
    pid_t pid() const override;
    void ask_to_stop(const ReceivedSignal& signal) override;
    void end_by_force() override;
    std::string_view force_words() const override { return "killing it"; }
    bool forward(const ReceivedSignal& signal) override;
    void suspend_with_it() override;
    void abandon_start() override;
    void allow_start() override;
    void over(EndReason reason) override;
    core::Task<void> finish() override;
    bool has_leftovers(bool closely) override;
    std::string_view leftover_words() const override {
        return "left processes behind that did not end: killed them";
    }
    void end_leftovers_by_force() override;
    std::vector<cgroup::GroupPlace> group_places() const override;
    void save(RunHandover& handover) const override;
    void adopt(const WorkerHandover& handover) override;

  private:
    void process_ended(const ProcessEnd& end) override;
    void process_stopped(pid_t pid) override;
    core::Result<SpawnRequest> make_request();
    core::Task<std::string> before_start(const SpawnRequest& request, int& exit_code);
    // The group may become another one, or none, when it cannot be entered.
    core::Task<SpawnResult> spawn_it(SharedGroup& group);
    core::Task<SpawnResult> spawn_in(SharedGroup& group, SpawnRequest& request);

    const config::WorkerSettings& settings_;
    const WorkerRole& role_;
    WorkerContext& context_;
    WorkerLog& log_;
    Health& health_;
    RunListener& listener_;

    mutable std::mutex mutex_;
    pid_t pid_ = -1;
    pid_t group_ = -1;  // stays until nothing is left of it
    int pidfd_ = -1;
    SharedGroup child_group_;  // of the current or last run; null: none
    Escapees escapees_;        // where there is no child group to know them
    bool was_started_ = false;
    bool abandoned_ = false;           // its start, also before a hook runs
    std::stop_source pre_start_stop_;  // of the hooks that run
    std::stop_source post_stop_stop_;
    std::optional<SpawnRequest> post_stop_;     // of the current run
    EndReason end_reason_ = EndReason::exited;  // of the last run, with end_status_
    ExitStatus end_status_;
    std::vector<ReceivedSignal> held_signals_;  // came before there was a process
};

}  // namespace pilotfish::daemon
