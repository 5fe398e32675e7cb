// The end of a run: why it ended, what it left behind, and what comes next.
#include <sys/random.h>

#include <algorithm>

#include "daemon/duration_text.h"
#include "daemon/worker.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

std::uint64_t random_bits() {
    std::uint64_t bits = 0;
    // Never short for so few bytes; a kernel without entropy would only lose us the jitter.
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof bits)) return 0;
    return bits;
}

constexpr milliseconds kLongestPause{50};

}  // namespace

// Before anything of the run is let go of: with its group would go the group's count of kills.
core::Task<void> Worker::find_cause(RunEnd& end) {
    const std::string& name = settings_.name;
    constexpr int kShellCodeOfSigkill = 128 + SIGKILL;
    // What we kill takes its children with it.
    if (killed_by_us_.load(std::memory_order_relaxed)) co_return;
    if (end.status.signal == 0 && end.status.code == kShellCodeOfSigkill) {
        if (const auto cause = context_.oom().judge_child(name, SteadyClock::now()))
            end.sentence += ", as a process of it was killed by the kernel: " + *cause;
    }
    if (end.status.signal != SIGKILL) co_return;
    const OomVerdict verdict = co_await context_.oom().judge(name, status().started);
    if (verdict.finding == OomVerdict::Finding::out_of_memory) {
        end.reason = EndReason::oom_killed;
        end.sentence = "was killed by the kernel: " + verdict.cause;
    } else if (verdict.finding == OomVerdict::Finding::something_else) {
        end.sentence += ", not by the kernel's OOM killer,";
    }
}

// What a run left behind (the group of a process) was told to end when it ended; whoever is deaf is
// killed when the time is over.
core::Task<bool> Worker::end_leftovers() {
    const nanoseconds patience = role_.stop_timeout.value_or(std::chrono::seconds(10));
    const SteadyTime deadline = stop_deadline_.value_or(SteadyClock::now() + patience);
    milliseconds pause{1};
    while (run_->has_leftovers(pause >= kLongestPause)) {
        if (SteadyClock::now() >= deadline) {
            run_->end_leftovers_by_force();
            say(core::LogLevel::warn, run_->leftover_words());
            break;
        }
        auto received = co_await next_message(SteadyClock::now() + pause);
        if (received.wake == core::Wake::closed) co_return false;
        if (received.value) take_wish(*received.value);
        pause = std::min(pause * 2, kLongestPause);
    }
    stop_deadline_.reset();  // it was this run's
    co_return true;
}

// What was asked for since the run ended or its start failed, and while a hook ran.
bool Worker::take_wishes() {
    bool is_held = false;
    for (;;) {
        const auto received = inbox_.try_receive();
        if (received.wake == core::Wake::closed) return false;
        if (!received.value) break;
        is_held = is_held || received.value->kind == Message::Kind::hold;
        take_wish(*received.value);
    }
    // An upgrade finds it at rest where it waits next, which is not here.
    if (is_held) hold();
    return true;
}

void Worker::take_wish(const Message& message) {
    switch (message.kind) {
        case Message::Kind::stop:
            stop_requested_ = true;
            start_requested_ = false;
            break;
        case Message::Kind::start: begin_anew_after_this(); break;
        case Message::Kind::restart: begin_restart(message); break;
        default: break;
    }
}

// Of one that is ending, whatever for: a user's word counts more than its RESTART.
void Worker::begin_anew_after_this() {
    if (stop_requested_) {
        start_requested_ = true;
    } else if (!restart_reason_) {
        restart_reason_ = kAskedByUser;
    }
}

void Worker::begin_anew() {
    say(core::LogLevel::info, status().last_end_text + "; starting it again");
    {
        const std::lock_guard lock(mutex_);
        ++status_.restarts[*restart_reason_];
    }
    restart_reason_.reset();
    apply(WorkerEvent::begins_anew);
}

void Worker::decide() {
    if (restart_reason_ && !stop_requested_) return begin_anew();
    const bool good = ended_well();
    const core::LogLevel level =
        good || stop_requested_ ? core::LogLevel::info : core::LogLevel::warn;
    if (timer_ && !stop_requested_) {
        say(good ? core::LogLevel::debug : core::LogLevel::warn,
            status().last_end_text + "; it runs again at its next time");
        note_skipped();
        note_next_run(context_.look_at_clocks());
        apply(WorkerEvent::will_wait);
        return;
    }
    bool again =
        !stop_requested_ && (settings_.restart == config::RestartPolicy::always ||
                             (settings_.restart == config::RestartPolicy::on_failure && !good));
    if (again && !restart_limit_.take(SteadyClock::now())) {
        again = false;
        const std::lock_guard lock(mutex_);
        limit_passed_ = true;
        status_.last_end_text += "; it is not started again, as it was restarted more often than " +
                                 config::format_rate_limit(settings_.restart_limit) +
                                 " (RESTART_LIMIT)";
    }
    if (!again) {
        const bool well = ended_well() || stop_requested_;
        if (!role_.is_the_container)
            say(well ? core::LogLevel::info : core::LogLevel::warn, status().last_end_text);
        apply(well ? WorkerEvent::done_well : WorkerEvent::done_badly);
        return;
    }
    nanoseconds delay;
    {
        const std::lock_guard lock(mutex_);
        const SteadyTime now = SteadyClock::now();
        delay = restart_delay_.next(now - status_.started, random_bits());
        status_.next_try = now + delay;
        ++status_.restarts[trouble_ ? trouble_->reason
                                    : std::string(name_of(status_.last_end_reason))];
    }
    say(level, status().last_end_text + "; next try in " + duration_text(delay));
    apply(WorkerEvent::will_restart);
}

}  // namespace pilotfish::daemon
