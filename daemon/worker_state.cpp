#include "daemon/worker_state.h"

#include <string>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

using S = WorkerState;
using E = WorkerEvent;

constexpr WorkerTransition kTransitions[] = {
    {S::waiting, E::released, S::starting},
    {S::waiting, E::due, S::starting},
    {S::waiting, E::start_asked, S::starting},
    {S::waiting, E::need_lost, S::failed},
    {S::waiting, E::stop_requested, S::finished},
    {S::starting, E::started, S::running},
    {S::starting, E::start_failed, S::stopping},
    {S::running, E::became_ready, S::ready},
    {S::running, E::stop_requested, S::stopping},
    {S::running, E::restart_asked, S::stopping},
    {S::running, E::ended, S::stopping},
    {S::ready, E::stop_requested, S::stopping},
    {S::ready, E::restart_asked, S::stopping},
    {S::ready, E::ended, S::stopping},
    {S::stopping, E::will_restart, S::backoff},
    {S::stopping, E::begins_anew, S::starting},
    {S::stopping, E::will_wait, S::waiting},
    {S::stopping, E::done_well, S::finished},
    {S::stopping, E::done_badly, S::failed},
    {S::backoff, E::delay_over, S::starting},
    {S::backoff, E::start_asked, S::starting},
    {S::backoff, E::stop_requested, S::finished},
    // Its turn comes as at the first time.
    {S::finished, E::start_asked, S::waiting},
    {S::failed, E::start_asked, S::waiting},
};

}  // namespace

std::span<const WorkerTransition> worker_transitions() noexcept { return kTransitions; }

WorkerState next_state(WorkerState from, WorkerEvent event) {
    for (const WorkerTransition& transition : kTransitions) {
        if (transition.from == from && transition.event == event) return transition.to;
    }
    PF_CHECK(false, "a worker that is " + std::string(name_of(from)) + " cannot take the event " +
                        std::string(name_of(event)));
    return from;
}

std::string_view name_of(WorkerState state) noexcept {
    switch (state) {
        case S::waiting: return "waiting";
        case S::starting: return "starting";
        case S::running: return "running";
        case S::ready: return "ready";
        case S::stopping: return "stopping";
        case S::backoff: return "backoff";
        case S::finished: return "finished";
        case S::failed: return "failed";
    }
    return "?";
}

std::string_view sentence_of(WorkerState state) noexcept {
    switch (state) {
        case S::waiting: return "waits for what it comes after or needs, or for its next time";
        case S::starting: return "it is being started";
        case S::running: return "it runs and has not said that it is ready";
        case S::ready: return "it runs and is ready";
        case S::stopping: return "it and what it left behind are being ended";
        case S::backoff: return "ended, and will be started again";
        case S::finished: return "ended, and will not be started again";
        case S::failed: return "ended badly, and will not be started again";
    }
    return "?";
}

std::string_view name_of(WorkerEvent event) noexcept {
    switch (event) {
        case E::released: return "released";
        case E::need_lost: return "need_lost";
        case E::due: return "due";
        case E::start_asked: return "start_asked";
        case E::started: return "started";
        case E::start_failed: return "start_failed";
        case E::became_ready: return "became_ready";
        case E::stop_requested: return "stop_requested";
        case E::restart_asked: return "restart_asked";
        case E::ended: return "ended";
        case E::will_restart: return "will_restart";
        case E::begins_anew: return "begins_anew";
        case E::will_wait: return "will_wait";
        case E::done_well: return "done_well";
        case E::done_badly: return "done_badly";
        case E::delay_over: return "delay_over";
    }
    return "?";
}

bool is_up(WorkerState state) noexcept {
    return state == S::running || state == S::ready || state == S::stopping;
}

bool is_over(WorkerState state) noexcept { return state == S::finished || state == S::failed; }

}  // namespace pilotfish::daemon
