// The life of a worker as one coroutine reads from top to bottom: wait, start, watch, end what is
// left, decide, wait, start again. Messages come through one inbox, so there is nothing to lock in
// the life itself, and no timer outlives the wait it was made for: a kill that was due for an
// earlier run cannot hit a later one (the stale-timer fault of supervisors that guard by state
// alone). What it runs, a process or a hosted task, stands behind WorkerRun.
#include "daemon/worker.h"

#include <algorithm>

#include "core/runtime.h"
#include "daemon/duration_text.h"
#include "daemon/hosted_run.h"
#include "daemon/process_run.h"
#include "daemon/zone_file.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::unique_ptr<WorkerRun> make_run(const config::WorkerSettings& settings, const WorkerRole& role,
                                    WorkerContext& context, WorkerLog& log, Health& health,
                                    RunListener& listener) {
    if (settings.plugin.empty())
        return std::make_unique<ProcessRun>(settings, role, context, log, health, listener);
    return std::make_unique<HostedRun>(settings, log, listener);
}

}  // namespace

Worker::Worker(SharedSettings settings, WorkerRole role, WorkerContext& context)
    : shared_settings_(std::move(settings)),
      settings_(*shared_settings_),
      role_(std::move(role)),
      context_(context),
      restart_delay_(
          {settings_.restart_delay, settings_.restart_max_delay, settings_.restart_reset}),
      restart_limit_(settings_.restart_limit),
      log_(settings_, context),
      health_(settings_, context, log_, *this),
      run_(make_run(settings_, role_, context, log_, health_, *this)) {
    if (!settings_.schedule) return;
    // Whether it can be had was checked before (check_zones).
    auto zone = zone_of(*settings_.schedule);
    timer_.emplace(*settings_.schedule, zone ? std::move(*zone) : config::TimeZone());
}

Worker::~Worker() = default;

core::Task<void> Worker::live() {
    bool alive = true;
    if (adopted_) alive = co_await go_on_after_upgrade();
    if (!alive) co_return;
    for (;;) {
        if (is_over(state())) alive = co_await rest();
        if (!alive) co_return;
        if (state() == WorkerState::waiting) alive = co_await await_turn();
        if (!alive) co_return;
        if (state() != WorkerState::starting) continue;
        if (holds_next_start_) co_await stand_still();
        killed_by_us_.store(false, std::memory_order_relaxed);
        trouble_.reset();
        run_number_.fetch_add(1, std::memory_order_relaxed);
        context_.oom().run_begins(SteadyClock::now());
        const std::optional<RunEnd> refusal = co_await run_->start();
        note_start();
        if (refusal) {
            note_end(*refusal, refusal->sentence);
            apply(WorkerEvent::start_failed);
        } else {
            apply(WorkerEvent::started);
            health_.begin(run_->pid());
            if (run_->ready_at_once()) {
                apply(WorkerEvent::became_ready);
                health_.note_ready();
            }
            alive = co_await watch();
            if (!alive) co_return;
        }
        alive = co_await end_leftovers();
        if (!alive) co_return;
        co_await run_->finish();
        alive = take_wishes();
        if (!alive) co_return;
        decide();
        if (state() == WorkerState::backoff) alive = co_await back_off();
        if (!alive) co_return;
    }
}

core::Task<bool> Worker::watch() {
    bool forced = false;
    for (;;) {
        auto received = co_await next_message(next_look());
        if (received.wake == core::Wake::timed_out) {
            note_skipped();
            if (!stop_deadline_ || SteadyClock::now() < *stop_deadline_) continue;
            if (!forced) {
                say(core::LogLevel::warn,
                    "did not end within " +
                        duration_text(role_.stop_timeout.value_or(settings_.stop_timeout)) + ": " +
                        std::string(run_->force_words()));
            }
            expect_kill();
            run_->end_by_force();
            forced = true;
            // Again, until the kernel says that it is gone: somebody may have been forked
            // meanwhile.
            stop_deadline_ = SteadyClock::now() + milliseconds(100);
            continue;
        }
        if (!received.value) co_return false;
        Message& message = *received.value;
        switch (message.kind) {
            case Message::Kind::ended: {
                co_await health_.end();
                const std::string after =
                    " after " + duration_text(SteadyClock::now() - status().started);
                co_await find_cause(message.end);
                if (trouble_) {
                    message.end.reason = EndReason::unhealthy;
                    message.end.sentence = trouble_->sentence + ", and " + message.end.sentence;
                }
                const std::string text = message.end.sentence + after;
                run_->over(message.end.reason);
                note_end(message.end, forced ? text + ", as it did not stop" : text);
                if (state() != WorkerState::stopping) apply(WorkerEvent::ended);
                co_return true;
            }
            case Message::Kind::stop: begin_stop(message.signal); break;
            case Message::Kind::restart: begin_restart(message); break;
            case Message::Kind::ready:
                if (state() != WorkerState::running || !is_of_this_run(message)) break;
                apply(WorkerEvent::became_ready);
                health_.note_ready();
                break;
            case Message::Kind::unhealthy: begin_end_of_unhealthy(message); break;
            case Message::Kind::extend_stop:
                if (stop_deadline_ && !forced && is_of_this_run(message))
                    stop_deadline_ = std::max(*stop_deadline_, message.until);
                break;
            case Message::Kind::suspended:
                if (!stop_requested_ && !restart_reason_) run_->suspend_with_it();
                break;
            case Message::Kind::start:
                if (state() == WorkerState::stopping) begin_anew_after_this();
                break;
            case Message::Kind::released:
            case Message::Kind::need_lost:
            case Message::Kind::hold: break;
        }
    }
}

void Worker::begin_stop(const std::optional<ReceivedSignal>& with) {
    start_requested_ = false;
    const ReceivedSignal signal = with.value_or(ReceivedSignal{
        .number = settings_.stop_signal.number, .queued = false, .value = {}, .sender = 0});
    if (!stop_requested_) {
        stop_requested_ = true;
        // A restart has asked it already; then it is the end for good, by that one's deadline.
        if (state() != WorkerState::stopping) {
            apply(WorkerEvent::stop_requested);
            if (role_.stop_timeout) stop_deadline_ = SteadyClock::now() + *role_.stop_timeout;
        }
    }
    if (signal.number == SIGKILL) expect_kill();
    ask_to_stop(signal);
}

void Worker::ask_to_stop(const ReceivedSignal& signal) {
    health_.stopping(signal.number);
    run_->ask_to_stop(signal);
}

// The entrypoint's own command has no deadline to end by, as the container's ends it; here it needs
// one.
void Worker::begin_restart(const Message& message) {
    // An earlier run was meant, which has ended by itself meanwhile.
    if (message.run != status().starts) return;
    if (state() == WorkerState::stopping) {
        if (message.reason == kAskedByUser) begin_anew_after_this();
        return;
    }
    restart_reason_ = message.reason;
    // Whoever asked has told why.
    say(core::LogLevel::debug, "is asked to end and start again: " + message.reason);
    apply(WorkerEvent::restart_asked);
    stop_deadline_ = SteadyClock::now() + settings_.stop_timeout;
    ask_to_stop(
        {.number = settings_.stop_signal.number, .queued = false, .value = {}, .sender = 0});
}

void Worker::kill_now() {
    expect_kill();
    run_->end_by_force();
}

void Worker::note_start() {
    const pid_t pid = run_->pid();
    const std::lock_guard lock(mutex_);
    ++status_.starts;
    status_.started = SteadyClock::now();
    status_.next_try.reset();
    status_.pid = pid;
    status_.up = true;
}

void Worker::note_end(const RunEnd& end, std::string text) {
    const std::lock_guard lock(mutex_);
    status_.last_end = end.status;
    status_.last_end_reason = end.reason;
    status_.last_end_text = std::move(text);
    status_.ended_cpu_ns += end.cpu_ns;
    if (end.reason == EndReason::left_behind) ++status_.left_behind;
    status_.pid = -1;
    status_.up = false;
}

void Worker::apply(WorkerEvent event) {
    {
        const std::lock_guard lock(mutex_);
        status_.state = next_state(status_.state, event);
        if (event == WorkerEvent::started) has_started_ = true;
        if (is_over(status_.state)) {
            was_stopped_ = stop_requested_;
            status_.next_try.reset();
        }
    }
    context_.worker_changed(*this);
}

WorkerStatus Worker::status() const {
    WorkerStatus copy;
    {
        const std::lock_guard lock(mutex_);
        copy = status_;
    }
    copy.log_lines = log_.lines();
    copy.log_lines_lost = log_.lost_lines();
    return copy;
}

WorkerState Worker::state() const {
    const std::lock_guard lock(mutex_);
    return status_.state;
}

bool Worker::ended_well() const {
    const std::lock_guard lock(mutex_);
    return ended_well_locked();
}

bool Worker::ended_well_locked() const {
    if (limit_passed_) return false;
    if (!status_.last_end) return true;
    if (status_.last_end_reason != EndReason::exited) return false;
    const auto& good = settings_.success_codes;
    return status_.last_end->code == 0 ||
           std::find(good.begin(), good.end(), status_.last_end->code) != good.end();
}

int Worker::exit_code() const {
    const std::lock_guard lock(mutex_);
    const int code = status_.last_end ? status_.last_end->shell_code() : 0;
    // A bad end is never told as a good one: not where the last run's was that, and not where it
    // ended with 0 because we asked it to for what was wrong with it.
    const bool bad = status_.state == WorkerState::failed ||
                     (status_.last_end && status_.last_end_reason == EndReason::unhealthy);
    return code == 0 && bad ? 1 : code;
}

WorkerStanding Worker::standing() const {
    const std::lock_guard lock(mutex_);
    return {.state = status_.state,
            .waits_its_turn = waits_its_turn_ && status_.state == WorkerState::waiting,
            .has_started = has_started_,
            .was_stopped = was_stopped_,
            .ended_well = ended_well_locked()};
}

void Worker::take_over(const WorkerStatus& before, const std::string& reason) {
    const std::lock_guard lock(mutex_);
    status_.starts = before.starts;
    status_.restarts = before.restarts;
    ++status_.restarts[reason];
    status_.ended_cpu_ns = before.ended_cpu_ns;
    status_.left_behind = before.left_behind;
}

void Worker::send(Message::Kind kind) { inbox_.post({.kind = kind, .signal = {}, .end = {}}); }

void Worker::release() { send(Message::Kind::released); }

void Worker::start() { send(Message::Kind::start); }

void Worker::need_is_lost(std::string why, int code) {
    Message message{.kind = Message::Kind::need_lost, .signal = {}, .end = {}};
    message.end.reason = EndReason::start_failed;
    message.end.status.code = code;
    message.end.sentence = std::move(why);
    inbox_.post(std::move(message));
}

void Worker::stop(std::optional<ReceivedSignal> with) {
    // Together: a start that is refused finds the message, and whoever has seen to the message and
    // is wanted again is not refused.
    const std::lock_guard lock(mutex_);
    inbox_.post({.kind = Message::Kind::stop, .signal = with, .end = {}});
    run_->abandon_start();
}

void Worker::restart(std::string reason) {
    const WorkerStatus now = status();
    if (is_over(now.state)) return;
    Message message{.kind = Message::Kind::restart, .signal = {}, .end = {}};
    message.reason = std::move(reason);
    message.run = now.state == WorkerState::starting ? now.starts + 1 : now.starts;
    inbox_.post(std::move(message));
}

bool Worker::forward(const ReceivedSignal& signal) {
    if (is_over(state())) return false;
    if (signal.number == SIGKILL) expect_kill();
    return run_->forward(signal);
}

void Worker::run_ready() { send(Message::Kind::ready); }

void Worker::run_ended(RunEnd end) {
    inbox_.post({.kind = Message::Kind::ended, .signal = {}, .end = std::move(end)});
}

void Worker::run_suspended() { send(Message::Kind::suspended); }

void Worker::say(core::LogLevel level, std::string_view line) const {
    say_of_worker(settings_.name, level, line);
}

}  // namespace pilotfish::daemon
