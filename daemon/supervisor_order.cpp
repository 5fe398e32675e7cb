// Who starts when, who stops when, and when all is over: what the supervisor makes of its workers'
// news. The order itself is daemon/start_order.
#include <algorithm>

#include "daemon/supervisor.h"

namespace pilotfish::daemon {
namespace {

// A oneshot has done what others wait for when it has ended.
Standing standing_of(const Worker& worker) {
    const WorkerStanding now = worker.standing();
    const bool over = is_over(now.state);
    Standing standing;
    standing.waits = now.waits_its_turn;
    standing.is_over = over;
    if (worker.settings().kind == config::WorkerKind::oneshot) {
        standing.has_started = false;
        standing.is_ready = now.state == WorkerState::finished && !now.was_stopped;
    } else {
        standing.has_started = now.has_started;
        standing.is_ready = now.state == WorkerState::ready;
    }
    // Whom a user has stopped a user may start: others go on waiting.
    standing.is_lost = over && !now.was_stopped && !standing.is_ready;
    return standing;
}

// "db, which exited with code 3 after 1.2 s".
std::string lost_words(const Worker& need) {
    const WorkerStatus status = need.status();
    if (!status.last_end) return need.settings().name + ", which was never started";
    const std::string& end = status.last_end_text;
    // The story of a failed start stands by itself.
    return end.starts_with("cannot") ? need.settings().name + ": " + end
                                     : need.settings().name + ", which " + end;
}

}  // namespace

void Supervisor::take_order() {
    std::vector<const config::WorkerSettings*> settings;
    places_.clear();
    for (const auto& worker : workers_) {
        settings.push_back(&worker->settings());
        places_.emplace(worker.get(), places_.size());
    }
    order_ = StartOrder(settings);
    for (const auto& [worker, place] : places_)
        order_.note(place, is_succeeded(*worker) ? Standing() : standing_of(*worker));
}

void Supervisor::note(Worker& worker) {
    const WorkerStanding now = worker.standing();
    order_.note(places_.at(&worker), is_succeeded(worker) ? Standing() : standing_of(worker));
    if (is_over(now.state)) {
        if (!known_over_.contains(&worker)) worker_is_over(worker, now.was_stopped);
    } else if (known_over_.contains(&worker)) {
        worker_is_back(worker);
    }
    // It was wanted again just before everything ends.
    if (now.state == WorkerState::waiting && was_asked(worker)) worker.stop();
    if (shutdown_ && shutdown_->phase() != ShutdownPhase::delaying) stop_next_workers();
}

// Whom a user has stopped may be started again: that is no end of a worker, and so no reason to end
// the container, unless the worker is all that the container is.
void Supervisor::worker_is_over(Worker& worker, bool was_stopped) {
    if (succeed(worker)) return;  // by a reload
    over_.push_back(&worker);
    known_over_.insert(&worker);
    if (was_stopped && !was_asked(worker) && !parts_.entrypoint) {
        withdrawn_.insert(&worker);
        return;
    }
    if (!worker.settings().critical || was_asked(worker) || ended_critical_ != nullptr) return;
    // Its end is no reason for anything any more.
    if (stop_was_asked_) return;
    ended_critical_ = &worker;
    if (!shutdown_ && !all_over())
        begin_shutdown(std::nullopt, worker.settings().name + " ended, which is critical");
}

void Supervisor::worker_is_back(Worker& worker) {
    over_.erase(std::find(over_.begin(), over_.end(), &worker));
    known_over_.erase(&worker);
    withdrawn_.erase(&worker);
    in_vain_.erase(&worker);
}

void Supervisor::start_next_workers() {
    if (shutdown_) return;
    while (const auto next = order_.take_free()) workers_[*next]->release();
    while (const auto next = order_.take_in_vain()) {
        Worker& worker = *workers_[next->worker];
        const Worker& need = *workers_[next->need];
        in_vain_[&worker] = need.settings().name;
        // Its code, as it is the cause of both ends.
        worker.need_is_lost("cannot start: it needs " + lost_words(need),
                            std::max(need.exit_code(), 1));
    }
}

// In reverse order of start: a worker is asked once all that come AFTER it, or NEED it, are over.
void Supervisor::stop_next_workers() {
    while (const auto next = order_.take_stoppable())
        ask(*workers_[*next], signal_for(*workers_[*next], stop_signal_));
}

void Supervisor::ask(Worker& worker, const std::optional<ReceivedSignal>& with) {
    if (asked_.insert(&worker).second) worker.stop(with);
}

// By what was handled, not by what the workers say of themselves: the end of the last one may be
// known to it before its event arrived here, and would be missing from the verdict.
bool Supervisor::all_over() const {
    if (!shutdown_ && !withdrawn_.empty()) return false;
    return over_.size() == workers_.size();
}

std::string Supervisor::why_only_once(const config::WorkerSettings& settings) const {
    if (!parts_.entrypoint || may_start_again(settings)) return {};
    return settings.name +
           " starts once: its working directory and what it inherited were let go of then; set "
           "PILOTFISH_WORKER_MAIN_RESTART=on-failure to have it started again";
}

SteadyTime Supervisor::reserve_restart(SteadyTime now) {
    const std::lock_guard lock(budget_mutex_);
    return restart_budget_.reserve(now);
}

}  // namespace pilotfish::daemon
