// A worker's process through an upgrade in place: it stays our child, and its pidfd is open in both
// images.
#include <csignal>

#include "daemon/environment.h"
#include "daemon/handover_values.h"
#include "daemon/hook.h"
#include "daemon/process_run.h"

namespace pilotfish::daemon {

void ProcessRun::save(RunHandover& handover) const {
    const std::lock_guard lock(mutex_);
    handover.pid = pid_;
    handover.group = group_;
    handover.pidfd = pidfd_;
    handover.was_started = was_started_;
    handover.has_child_group = child_group_ != nullptr;
    handover.owes_post_stop = post_stop_.has_value();
    handover.end_reason = name_of(end_reason_);
    handover.end_code = end_status_.code;
    handover.end_signal = end_status_.signal;
    for (const ReceivedSignal& signal : held_signals_)
        handover.held_signals.push_back(signal.number);
}

void ProcessRun::adopt(const WorkerHandover& handover) {
    const RunHandover& run = handover.run;
    // The group has the daemon's process in its name, which is the same: it is found again.
    SharedGroup group = run.has_child_group ? context_.group_for(settings_) : nullptr;
    {
        const std::lock_guard lock(mutex_);
        pid_ = run.pid;
        group_ = run.group;
        pidfd_ = run.pidfd;
        was_started_ = run.was_started;
        child_group_ = std::move(group);
        end_reason_ = named(run.end_reason, EndReason::unhealthy);
        end_status_.code = run.end_code;
        end_status_.signal = run.end_signal;
        for (const int number : run.held_signals)
            held_signals_.push_back({.number = number, .queued = false, .value = {}, .sender = 0});
    }
    if (run.owes_post_stop || handover.health.has_run) {
        // What its commands run as, made anew: as a start would by now.
        auto request = make_request();
        if (!request) {
            say_of_worker(settings_.name, core::LogLevel::error,
                          request.error().within("its POST_STOP will not run").message);
        } else if (run.owes_post_stop && !settings_.post_stop.empty()) {
            const std::lock_guard lock(mutex_);
            post_stop_ = hook_process(*request, settings_.post_stop);
        }
        if (handover.health.has_run)
            health_.adopt(run.pid, request ? *request : SpawnRequest{}, handover.health);
    }
    if (run.pid > 0) escapees_.run_goes_on(worker_environment(settings_, {}), run.pid);
    // Its end may be reported at once.
    if (run.pid > 0) context_.processes().adopt(run.pid, *this, role_.ends_its_group ? SIGTERM : 0);
}

}  // namespace pilotfish::daemon
