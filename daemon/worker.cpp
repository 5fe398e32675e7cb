// The life of a worker as one coroutine reads from top to bottom: wait, start, watch, end the
// group, decide, wait, start again. Messages come through one inbox, so there is nothing to lock in
// the life itself, and no timer outlives the wait it was made for: a kill that was due for an
// earlier run cannot hit a later one (the stale-timer fault of supervisors that guard by state
// alone).
#include "daemon/worker.h"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/async_fd.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/descendants.h"
#include "daemon/duration_text.h"
#include "daemon/pidfd.h"

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

// Only zombies are left of it, as far as /proc shows.
bool group_is_dead(pid_t group) {
    bool seen = false;
    for (const Descendant& process : descendants_of(getpid())) {
        if (process.group != group) continue;
        if (process.state != 'Z') return false;
        seen = true;
    }
    return seen;
}

bool group_exists(pid_t group) { return kill(-group, 0) == 0 || errno == EPERM; }

}  // namespace

Worker::Worker(config::WorkerSettings settings, WorkerRole role, WorkerContext& context)
    : settings_(std::move(settings)),
      role_(role),
      context_(context),
      restart_delay_(
          {settings_.restart_delay, settings_.restart_max_delay, settings_.restart_reset}) {}

Worker::~Worker() {
    if (pidfd_ >= 0) close(pidfd_);
}

core::Task<void> Worker::live() {
    while (state() == WorkerState::waiting) {
        auto received = co_await inbox_.receive();
        if (!received.value) co_return;
        if (received.value->kind == Message::Kind::released) apply(WorkerEvent::released);
        if (received.value->kind == Message::Kind::stop) apply(WorkerEvent::stop_requested);
    }
    while (!is_over(state())) {
        if (start()) co_await watch_process();
        co_await end_group();
        decide();
        if (state() == WorkerState::backoff) co_await back_off();
    }
}

bool Worker::start() {
    SpawnRequest request;
    request.command = settings_.command;
    request.environment = context_.environment_for(settings_);
    request.directory = settings_.cwd.empty() ? role_.directory : settings_.cwd;
    request.stdin_fd =
        settings_.stdin_mode == config::StdinMode::inherit ? STDIN_FILENO : kNullDevice;
    request.inherit_descriptors = role_.inherit_descriptors;
    if (role_.terminal) request.foreground_tty = role_.terminal->fd();
    const SignalsAtStart& signals = context_.signals_at_start();
    request.mask = signals.mask;
    request.ignore_sigpipe = signals.sigpipe_ignored;
    request.ignore_sigchld = signals.sigchld_ignored;

    bool pipes_made = true;
    if (settings_.log == config::WorkerLog::none) {
        request.stdout_fd = request.stderr_fd = kNullDevice;
    } else if (settings_.log != config::WorkerLog::inherit) {
        pipes_made = open_log_pipe(request.stdout_fd, context_.standard_output(), "stdout") &&
                     open_log_pipe(request.stderr_fd, context_.standard_error(), "stderr");
    }

    SpawnResult result;
    if (pipes_made) {
        result = context_.processes().spawn(request, *this, role_.ends_its_group ? SIGTERM : 0);
    } else {
        result.error.error =
            core::system_error("start " + settings_.name + ": make a pipe for its log", errno);
    }
    if (request.stdout_fd > 2) close(request.stdout_fd);
    if (request.stderr_fd > 2) close(request.stderr_fd);

    start_failed_ = !result.process.has_value();
    {
        const std::lock_guard lock(mutex_);
        ++status_.starts;
        status_.started = SteadyClock::now();
        status_.next_try.reset();
        if (result.process) {
            status_.pid = group_ = result.process->pid;
            pidfd_ = result.process->pidfd;
            // Signals that came before there was anybody to take them.
            for (const ReceivedSignal& signal : held_signals_) forward_signal(pidfd_, signal);
            held_signals_.clear();
        }
    }
    if (start_failed_) {
        if (role_.terminal) role_.terminal->take_back();
        note_end({.code = result.error.exit_code}, 0, result.error.error.message);
        apply(WorkerEvent::spawn_failed);
        return false;
    }
    apply(WorkerEvent::spawned);
    apply(WorkerEvent::became_ready);
    return true;
}

core::Task<void> Worker::watch_process() {
    bool killed = false;
    for (;;) {
        auto received = co_await inbox_.receive(stop_deadline_);
        if (received.wake == core::Wake::timed_out) {
            if (!killed) {
                say(core::LogLevel::warn,
                    "did not end within " + duration_text(*role_.stop_timeout) + ": killing it");
            }
            kill_now();
            killed = true;
            // Again, until the kernel says that it is gone: somebody may have been forked
            // meanwhile.
            stop_deadline_ = SteadyClock::now() + milliseconds(100);
            continue;
        }
        if (!received.value) co_return;
        const Message& message = *received.value;
        switch (message.kind) {
            case Message::Kind::ended: {
                if (role_.terminal) role_.terminal->take_back();
                const std::string text = sentence_of(message.end.status) + " after " +
                                         duration_text(SteadyClock::now() - status().started);
                note_end(message.end.status, message.end.cpu_ns,
                         killed ? text + ", as it did not stop" : text);
                if (!stop_requested_) apply(WorkerEvent::process_ended);
                co_return;
            }
            case Message::Kind::stop: begin_stop(message.signal); break;
            case Message::Kind::stopped_by_terminal:
                if (!stop_requested_) role_.terminal->stop_with_worker(group_);
                break;
            case Message::Kind::released: break;
        }
    }
}

void Worker::begin_stop(const std::optional<ReceivedSignal>& with) {
    const ReceivedSignal signal = with.value_or(ReceivedSignal{
        .number = settings_.stop_signal.number, .queued = false, .value = {}, .sender = 0});
    if (!stop_requested_) {
        stop_requested_ = true;
        apply(WorkerEvent::stop_requested);
        if (role_.stop_timeout) stop_deadline_ = SteadyClock::now() + *role_.stop_timeout;
    }
    const std::lock_guard lock(mutex_);
    if (pidfd_ < 0) return;
    if (!forward_signal(pidfd_, signal) && errno == EPERM) {
        say(core::LogLevel::error, "cannot be signalled: it runs as another user and we may not");
    }
    // Whoever is stopped (by a debugger, a terminal, SIGSTOP) would never see it.
    const auto process = read_process(status_.pid);
    if (process && process->state == 'T') kill(-group_, SIGCONT);
}

// What the process left behind in its group was told to end when it was reaped; whoever is deaf is
// killed when the time is over.
core::Task<void> Worker::end_group() {
    if (group_ < 0 || !role_.ends_its_group) co_return;
    const nanoseconds patience = role_.stop_timeout.value_or(std::chrono::seconds(10));
    const SteadyTime deadline = stop_deadline_.value_or(SteadyClock::now() + patience);
    milliseconds pause{1};
    while (group_exists(group_)) {
        if (SteadyClock::now() >= deadline) {
            kill_now();
            say(core::LogLevel::warn, "left processes behind that did not end: killed them");
            break;
        }
        // A zombie whose parent does not reap it keeps the group's name, and holds up nobody.
        if (pause >= kLongestPause && group_is_dead(group_)) break;
        auto received = co_await inbox_.receive(SteadyClock::now() + pause);
        if (received.value && received.value->kind == Message::Kind::stop) stop_requested_ = true;
        pause = std::min(pause * 2, kLongestPause);
    }
    group_ = -1;
}

void Worker::decide() {
    const bool good = ended_well();
    const bool again =
        !stop_requested_ && (settings_.restart == config::RestartPolicy::always ||
                             (settings_.restart == config::RestartPolicy::on_failure && !good));
    if (!again) {
        if (!role_.is_the_container) {
            say(good || stop_requested_ ? core::LogLevel::info : core::LogLevel::warn,
                status().last_end_text);
        }
        apply(good || stop_requested_ ? WorkerEvent::done_well : WorkerEvent::done_badly);
        return;
    }
    nanoseconds delay;
    {
        const std::lock_guard lock(mutex_);
        const SteadyTime now = SteadyClock::now();
        delay = restart_delay_.next(now - status_.started, random_bits());
        status_.next_try = now + delay;
        const bool by_signal = status_.last_end && status_.last_end->signal != 0;
        ++status_.restarts[start_failed_ ? "start_failed" : by_signal ? "signal" : "exit"];
    }
    say(good ? core::LogLevel::info : core::LogLevel::warn,
        status().last_end_text + "; next try in " + duration_text(delay));
    apply(WorkerEvent::will_restart);
}

core::Task<void> Worker::back_off() {
    const std::optional<SteadyTime> due = status().next_try;
    for (;;) {
        auto received = co_await inbox_.receive(due);
        if (received.wake == core::Wake::timed_out) {
            apply(WorkerEvent::delay_over);
            co_return;
        }
        if (!received.value) co_return;
        if (received.value->kind == Message::Kind::stop) {
            stop_requested_ = true;
            apply(WorkerEvent::stop_requested);
            co_return;
        }
    }
}

// The group, whoever of it left our tree, and the process itself wherever it went.
void Worker::kill_now() {
    kill_descendants(group_);
    kill(-group_, SIGKILL);
    const std::lock_guard lock(mutex_);
    if (pidfd_ >= 0) send_signal(pidfd_, SIGKILL);
}

void Worker::note_end(const ExitStatus& status, std::uint64_t cpu_ns, std::string text) {
    const std::lock_guard lock(mutex_);
    status_.last_end = status;
    status_.last_end_text = std::move(text);
    status_.ended_cpu_ns += cpu_ns;
    status_.pid = -1;
    if (pidfd_ >= 0) close(pidfd_);
    pidfd_ = -1;
}

void Worker::apply(WorkerEvent event) {
    {
        const std::lock_guard lock(mutex_);
        status_.state = next_state(status_.state, event);
    }
    context_.worker_changed(*this);
}

WorkerStatus Worker::status() const {
    const std::lock_guard lock(mutex_);
    WorkerStatus copy = status_;
    for (const auto& stream : streams_) {
        copy.log_lines += stream->lines();
        copy.log_lines_lost += stream->lost_lines();
    }
    return copy;
}

WorkerState Worker::state() const {
    const std::lock_guard lock(mutex_);
    return status_.state;
}

bool Worker::ended_well() const {
    const std::lock_guard lock(mutex_);
    if (!status_.last_end) return true;
    if (status_.last_end->signal != 0 || start_failed_) return false;
    const auto& good = settings_.success_codes;
    return status_.last_end->code == 0 ||
           std::find(good.begin(), good.end(), status_.last_end->code) != good.end();
}

int Worker::exit_code() const {
    const std::lock_guard lock(mutex_);
    return status_.last_end ? status_.last_end->shell_code() : 0;
}

void Worker::release() { inbox_.post({.kind = Message::Kind::released, .signal = {}, .end = {}}); }

void Worker::stop(std::optional<ReceivedSignal> with) {
    inbox_.post({.kind = Message::Kind::stop, .signal = with, .end = {}});
}

bool Worker::forward(const ReceivedSignal& signal) {
    const std::lock_guard lock(mutex_);
    if (signal.number == SIGCONT && role_.terminal && pidfd_ >= 0) {
        role_.terminal->continue_worker(status_.pid);
        return true;
    }
    if (pidfd_ >= 0) return forward_signal(pidfd_, signal);
    // Between two runs there is nobody it was meant for, and the next one has no handler yet.
    if (is_over(status_.state) || status_.starts > 0) return false;
    held_signals_.push_back(signal);
    return true;
}

void Worker::process_ended(const ProcessEnd& end) {
    inbox_.post({.kind = Message::Kind::ended, .signal = {}, .end = end});
}

void Worker::process_stopped(pid_t) {
    if (role_.terminal)
        inbox_.post({.kind = Message::Kind::stopped_by_terminal, .signal = {}, .end = {}});
}

void Worker::say(core::LogLevel level, std::string_view line) const {
    if (!core::log_enabled(level)) return;
    // "web exited with code 3", but "web: cannot start ...".
    const char* const joint = line.starts_with("cannot") ? ": " : " ";
    core::log(level, "daemon", settings_.name + joint + std::string(line));
}

}  // namespace pilotfish::daemon
