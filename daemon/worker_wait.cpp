// What a worker does while it does not run: it waits for its turn, for the next time of its
// schedule, for its back-off to pass, or for somebody who wants it again.
#include "daemon/duration_text.h"
#include "daemon/worker.h"

namespace pilotfish::daemon {

using std::chrono::nanoseconds;

// Until it is starting or over.
core::Task<bool> Worker::await_turn() {
    for (;;) {
        auto received = co_await next_message(next_look());
        if (received.wake == core::Wake::closed) co_return false;
        if (!received.value) {
            if (!is_due()) continue;
            apply(WorkerEvent::due);
            co_return true;
        }
        const Message& message = *received.value;
        switch (message.kind) {
            case Message::Kind::released:
                if (released_) break;
                released_ = true;
                note_turn(false);
                if (timer_) {
                    begin_schedule();
                    break;
                }
                apply(WorkerEvent::released);
                co_return true;
            case Message::Kind::need_lost:
                if (released_) break;
                note_end(message.end, message.end.sentence);
                say(core::LogLevel::warn, message.end.sentence);
                apply(WorkerEvent::need_lost);
                co_return true;
            case Message::Kind::start:
                if (!released_) break;
                say(core::LogLevel::info, "runs now, as it was asked to");
                apply(WorkerEvent::start_asked);
                co_return true;
            case Message::Kind::stop:
                stop_requested_ = true;
                apply(WorkerEvent::stop_requested);
                co_return true;
            default: break;
        }
    }
}

core::Task<bool> Worker::back_off() {
    std::optional<SteadyTime> due = status().next_try;
    has_room_ = std::exchange(keeps_room_, false) && has_room_;
    for (;;) {
        auto received = co_await next_message(due);
        if (received.wake == core::Wake::closed) co_return false;
        if (received.wake == core::Wake::timed_out) {
            const SteadyTime now = SteadyClock::now();
            if (!has_room_) due = context_.reserve_restart(now);
            has_room_ = true;
            if (*due <= now) {
                apply(WorkerEvent::delay_over);
                co_return true;
            }
            say(core::LogLevel::warn,
                "is held back by PILOTFISH_RESTART_BUDGET, as all workers together restart too "
                "often; next try in " +
                    duration_text(*due - now));
            const std::lock_guard lock(mutex_);
            status_.next_try = due;
            continue;
        }
        if (received.value->kind == Message::Kind::start) {
            apply(WorkerEvent::start_asked);
            co_return true;
        }
        if (received.value->kind == Message::Kind::stop) {
            stop_requested_ = true;
            apply(WorkerEvent::stop_requested);
            co_return true;
        }
    }
}

// It is over, until somebody wants it again.
core::Task<bool> Worker::rest() {
    while (!start_requested_) {
        auto received = co_await next_message(std::nullopt);
        if (!received.value) co_return false;
        if (received.value->kind == Message::Kind::start) start_requested_ = true;
    }
    clean_slate();
    apply(WorkerEvent::start_asked);
    co_return true;
}

void Worker::clean_slate() {
    released_ = stop_requested_ = start_requested_ = false;
    restart_reason_.reset();
    restart_limit_.forget();
    restart_delay_ = RestartDelay(
        {settings_.restart_delay, settings_.restart_max_delay, settings_.restart_reset});
    const std::lock_guard lock(mutex_);
    run_->allow_start();
    waits_its_turn_ = true;
    was_stopped_ = limit_passed_ = false;
}

void Worker::note_turn(bool waits) {
    const std::lock_guard lock(mutex_);
    waits_its_turn_ = waits;
}

// When a run must end that was asked to, or the schedule be looked at.
std::optional<SteadyTime> Worker::next_look() const {
    if (!timer_ || !released_ || state() == WorkerState::stopping) return stop_deadline_;
    const SteadyTime look = timer_->look_again(context_.look_at_clocks());
    return stop_deadline_ ? std::min(*stop_deadline_, look) : look;
}

void Worker::begin_schedule() {
    const Moment now = context_.look_at_clocks();
    timer_->begin(now);
    note_next_run(now);
}

void Worker::note_next_run(const Moment& now) {
    const std::lock_guard lock(mutex_);
    status_.next_try = now.steady + timer_->until_next(now);
}

bool Worker::is_due() {
    if (!timer_ || !released_) return false;
    const Moment now = context_.look_at_clocks();
    const std::uint64_t times = timer_->look(now);
    if (times == 0) return false;
    skip_told_ = false;
    if (times == 1) return true;
    say(core::LogLevel::warn, std::to_string(times - 1) +
                                  " of its times have passed unseen, as the clock was set forward "
                                  "or everything slept: it runs once for all of them");
    const std::lock_guard lock(mutex_);
    status_.runs_missed += times - 1;
    return true;
}

// Its time has come while it runs.
void Worker::note_skipped() {
    if (!timer_ || !released_) return;
    const std::uint64_t times = timer_->look(context_.look_at_clocks());
    if (times == 0) return;
    if (!std::exchange(skip_told_, true)) {
        say(core::LogLevel::warn,
            "is due again while its last run still goes on: that time is skipped, and more are "
            "counted");
    }
    const std::lock_guard lock(mutex_);
    status_.runs_skipped += times;
}

}  // namespace pilotfish::daemon
