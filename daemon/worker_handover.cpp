// A worker through an upgrade in place.
//
// The life is a coroutine, and those cannot be carried over: what can is a place where it waits for
// a message, with what it knows there. hold() is such a message, so whatever came before it has
// been handled when the life stands still, and its state says where it was: waiting, in a run,
// ending what a run left behind, in a back-off, or over. Those are the places where the next image
// goes on. A start that is under way, and a hook, are none: they are waited for.
#include "daemon/handover_values.h"
#include "daemon/worker.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::nanoseconds;

TimerHandover handover_of(const CronTimer::Stand& stand) {
    return {.seen_wall_ns = nanoseconds_of(stand.seen.wall),
            .seen_steady_ns = nanoseconds_of(stand.seen.steady),
            .next_wall_ns = nanoseconds_of(stand.next_wall),
            .next_steady_ns = nanoseconds_of(stand.next_steady)};
}

CronTimer::Stand stand_of(const TimerHandover& timer) {
    CronTimer::Stand stand;
    stand.seen.wall = time_of<WallTime>(timer.seen_wall_ns);
    stand.seen.steady = time_of<SteadyTime>(timer.seen_steady_ns);
    stand.next_wall = time_of<WallTime>(timer.next_wall_ns);
    stand.next_steady = time_of<SteadyTime>(timer.next_steady_ns);
    return stand;
}

// Of what is in a status; the rest is the life's own.
void put_status(const WorkerStatus& now, WorkerHandover& handover) {
    handover.state = name_of(now.state);
    handover.up = now.up;
    handover.starts = now.starts;
    handover.started_ns = nanoseconds_of(now.started);
    handover.restarts = now.restarts;
    handover.has_ended = now.last_end.has_value();
    if (now.last_end) {
        handover.end_code = now.last_end->code;
        handover.end_signal = now.last_end->signal;
    }
    handover.end_reason = name_of(now.last_end_reason);
    handover.end_text = now.last_end_text;
    handover.next_try_ns = nanoseconds_of(now.next_try);
    handover.runs_skipped = now.runs_skipped;
    handover.runs_missed = now.runs_missed;
    handover.ended_cpu_ns = now.ended_cpu_ns;
    handover.left_behind = now.left_behind;
}

WorkerStatus status_of(const WorkerHandover& handover) {
    WorkerStatus status;
    status.state = named(handover.state, WorkerState::failed);
    status.up = handover.up;
    status.pid = handover.up ? handover.run.pid : -1;
    status.starts = handover.starts;
    status.started = time_of<SteadyTime>(handover.started_ns);
    status.restarts = handover.restarts;
    if (handover.has_ended) {
        ExitStatus end;
        end.code = handover.end_code;
        end.signal = handover.end_signal;
        status.last_end = end;
    }
    status.last_end_reason = named(handover.end_reason, EndReason::unhealthy);
    status.last_end_text = handover.end_text;
    status.next_try = time_of<SteadyTime>(handover.next_try_ns);
    status.runs_skipped = handover.runs_skipped;
    status.runs_missed = handover.runs_missed;
    status.ended_cpu_ns = handover.ended_cpu_ns;
    status.left_behind = handover.left_behind;
    return status;
}

}  // namespace

void Worker::hold() { send(Message::Kind::hold); }

bool Worker::rests() const {
    return stands_.load(std::memory_order_acquire) && inbox_.size() == 0 && !health_.is_telling();
}

void Worker::let_go() {
    stands_.store(false, std::memory_order_release);
    may_go_on_.post('\0');
}

void Worker::hold_streams() {
    log_.hold();
    health_.hold();
}

void Worker::let_streams_go() {
    health_.let_go();
    log_.let_go();
}

core::Task<core::Received<Worker::Message>> Worker::next_message(
    std::optional<SteadyTime> deadline) {
    for (;;) {
        auto received = co_await inbox_.receive(deadline);
        if (!received.value || received.value->kind != Message::Kind::hold) co_return received;
        if (!is_hosted() || !status().up) {
            co_await stand_still();
            continue;
        }
        // A task of this image cannot go with the next: it ends in order, and begins anew there.
        holds_next_start_ = true;
        received.value->kind = Message::Kind::restart;
        received.value->reason = "upgrade";
        received.value->run = status().starts;
        co_return received;
    }
}

core::Task<void> Worker::stand_still() {
    stands_.store(true, std::memory_order_release);
    const auto token = co_await may_go_on_.receive();
    (void)token;
    stands_.store(false, std::memory_order_release);
    holds_next_start_ = false;
}

core::Task<bool> Worker::go_on_after_upgrade() {
    const WorkerStatus now = status();
    const bool has_run = now.state == WorkerState::running || now.state == WorkerState::ready ||
                         now.state == WorkerState::stopping;
    bool alive = true;
    if (has_run) {
        if (now.up) alive = co_await watch();
        if (!alive) co_return false;
        alive = co_await end_leftovers();
        if (!alive) co_return false;
        co_await run_->finish();
        decide();
    }
    if (state() == WorkerState::backoff) alive = co_await back_off();
    co_return alive;
}

void Worker::save(WorkerHandover& handover) const {
    handover.name = settings_.name;
    handover.stop_signal = settings_.stop_signal.number;
    handover.stop_timeout_ns = settings_.stop_timeout.count();
    put_status(status(), handover);
    {
        const std::lock_guard lock(mutex_);
        handover.waits_its_turn = waits_its_turn_;
        handover.has_started = has_started_;
        handover.was_stopped = was_stopped_;
        handover.limit_passed = limit_passed_;
    }
    handover.released = released_;
    handover.stop_requested = stop_requested_;
    handover.start_requested = start_requested_;
    handover.skip_told = skip_told_;
    handover.has_room = has_room_;
    handover.restart_reason = restart_reason_;
    handover.stop_deadline_ns = nanoseconds_of(stop_deadline_);
    handover.restart_series_ns = restart_delay_.series().count();
    for (const SteadyTime time : restart_limit_.times())
        handover.restarts_ns.push_back(nanoseconds_of(time));
    handover.has_timer = timer_.has_value();
    if (timer_) handover.timer = handover_of(timer_->stand());
    if (trouble_) handover.trouble = {trouble_->reason, trouble_->sentence, trouble_->signal};
    handover.killed_by_us = killed_by_us_.load(std::memory_order_relaxed);
    if (role_.terminal) handover.terminal = role_.terminal->fd();
    run_->save(handover.run);
    health_.save(handover.health);
    log_.save(handover.log);
}

void Worker::adopt(const WorkerHandover& handover, bool has_changed) {
    {
        const std::lock_guard lock(mutex_);
        status_ = status_of(handover);
        waits_its_turn_ = handover.waits_its_turn;
        has_started_ = handover.has_started;
        was_stopped_ = handover.was_stopped;
        limit_passed_ = handover.limit_passed;
    }
    released_ = handover.released;
    stop_requested_ = handover.stop_requested;
    start_requested_ = handover.start_requested;
    skip_told_ = handover.skip_told;
    keeps_room_ = has_room_ = handover.has_room;
    restart_reason_ = handover.restart_reason;
    stop_deadline_ = time_of<SteadyTime>(handover.stop_deadline_ns);
    restart_delay_.resume(nanoseconds(handover.restart_series_ns));
    std::deque<SteadyTime> restarts;
    for (const std::int64_t ns : handover.restarts_ns) restarts.push_back(time_of<SteadyTime>(ns));
    restart_limit_.resume(std::move(restarts));
    if (!handover.trouble.reason.empty()) {
        HealthTrouble trouble;
        trouble.reason = handover.trouble.reason;
        trouble.sentence = handover.trouble.sentence;
        trouble.signal = handover.trouble.signal;
        trouble_ = std::make_shared<const HealthTrouble>(std::move(trouble));
    }
    killed_by_us_.store(handover.killed_by_us, std::memory_order_relaxed);
    run_number_.store(1, std::memory_order_relaxed);
    adopted_ = true;
    if (timer_ && released_) {
        // A schedule that is another one now counts from here on.
        if (handover.has_timer && !has_changed) {
            timer_->resume(stand_of(handover.timer));
        } else {
            begin_schedule();
        }
    }
    health_.resume(handover.health);
    run_->adopt(handover);
    log_.adopt(handover.log);
}

}  // namespace pilotfish::daemon
