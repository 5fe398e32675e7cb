#include "daemon/supervisor.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "core/async_fd.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "core/stack_dump.h"
#include "daemon/descendants.h"
#include "daemon/duration_text.h"
#include "daemon/environment.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

std::vector<const config::WorkerSettings*> settings_of(const config::Configuration& configuration) {
    std::vector<const config::WorkerSettings*> all;
    for (const config::WorkerConfiguration& worker : configuration.workers)
        all.push_back(&worker.settings);
    return all;
}

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

void append_loss(const void*, std::uint64_t lost, std::string& out) {
    out += "pilotfish: " + std::to_string(lost) + " lines of a dump were lost\n";
}

}  // namespace

Supervisor::Supervisor(SupervisorParts parts)
    : parts_(std::move(parts)),
      dump_source_(parts_.standard_error, append_loss, nullptr, OutputSource::Rank::own),
      order_(settings_of(*parts_.current.get())),
      restart_budget_(parts_.current.get()->settings.restart_budget) {
    own_signals_ = parts_.current.get()->settings.signals == config::SignalPolicy::own;
    make_workers();
}

Supervisor::~Supervisor() = default;

void Supervisor::make_workers() {
    WorkerList::Workers workers;
    const CurrentConfiguration::Shared now = parts_.current.get();
    for (const config::WorkerConfiguration& worker : now->workers)
        workers.push_back(make_worker(SharedSettings(now, &worker.settings)));
    publish(WorkerList(std::move(workers)));
    take_order();
}

std::shared_ptr<Worker> Supervisor::make_worker(SharedSettings settings) {
    WorkerRole role = role_of(*settings);
    return std::make_shared<Worker>(std::move(settings), std::move(role),
                                    static_cast<WorkerContext&>(*this));
}

WorkerRole Supervisor::role_of(const config::WorkerSettings& settings) {
    WorkerRole role;
    role.directory = parts_.directory;
    role.stop_timeout = settings.stop_timeout;
    // Who reads the terminal needs its foreground; there is one.
    if (settings.stdin_mode == config::StdinMode::inherit && settings.plugin.empty() &&
        terminal_of_.empty()) {
        // Later a worker of ours is in the foreground, not we.
        if (!terminal_) terminal_ = Terminal::in_foreground();
        role.terminal = terminal_;
        if (terminal_) terminal_of_ = settings.name;
    }
    if (parts_.handover != nullptr) take_terminal(role, settings.name);
    if (parts_.entrypoint) {
        role.inherit_descriptors = true;
        role.is_the_container = true;
        role.ends_its_group = may_start_again(settings);
        // Unless it was given less, its time is the container's, which ends it by itself.
        const CurrentConfiguration::Shared now = parts_.current.get();
        const config::Settings& whole = now->settings;
        if (settings.stop_timeout + whole.drain_delay >= whole.stop_timeout)
            role.stop_timeout = std::nullopt;
    }
    return role;
}

void Supervisor::publish(WorkerList workers) {
    workers_ = workers;
    const std::lock_guard lock(published_mutex_);
    published_ = std::move(workers);
}

WorkerList Supervisor::workers() const {
    const std::lock_guard lock(published_mutex_);
    return published_;
}

core::Task<Verdict> Supervisor::run() {
    const auto signal_fd = open_signal_fd();
    if (!signal_fd) co_return Verdict{125, signal_fd.error().message};
    auto signals = core::AsyncFd::adopt(*signal_fd);
    if (!signals) co_return Verdict{125, signals.error().message};
    if (parts_.handover != nullptr) take_over(*parts_.handover);
    core::spawn(read_signals(std::move(*signals)), {.name = "signals"}).detach();

    const bool takes_long = std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) {
        return !worker->settings().pre_start.empty();
    });
    if (takes_long) parts_.before_long_start();
    for (const auto& worker : workers_) begin_life(worker);
    for (const auto& worker : workers_) note(*worker);
    start_next_workers();
    const bool nobody_yet = std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) {
        return worker->settings().kind == config::WorkerKind::cron;
    });
    if (nobody_yet && !first_start_done_.exchange(true)) parts_.after_first_start();

    // Without workers it is a sidecar: it stays until it is told to stop.
    while (!all_over() || (workers_.empty() && !shutdown_)) {
        std::optional<SteadyTime> deadline;
        if (shutdown_) deadline = shutdown_->next();
        auto received = co_await events_.receive(deadline);
        if (received.wake == core::Wake::timed_out) shutdown_deadline_passed();
        if (!received.value) continue;
        if (received.value->kind == Event::Kind::hand_over) {
            co_await carry_out_upgrade();
        } else {
            handle(*received.value);
        }
    }
    shutting_down_.store(true, std::memory_order_release);
    co_await drain_descendants();
    co_await finish_logs();
    Verdict verdict = judge();
    verdict.asked_for = stop_was_asked_;
    co_return verdict;
}

void Supervisor::shut_down(std::string by) {
    Event event{.kind = Event::Kind::stop, .worker = nullptr, .signal = {}};
    event.by = std::move(by);
    events_.post(std::move(event));
}

core::Task<void> Supervisor::read_signals(core::AsyncFd signals) {
    for (;;) {
        {
            const std::lock_guard lock(signals_mutex_);
            while (!signals_held_.load(std::memory_order_acquire)) {
                const auto signal = read_signal(signals.get());
                if (!signal) break;
                if (signal->number == SIGCHLD) {
                    processes_.reap();
                } else {
                    take_signal(*signal);
                }
            }
        }
        if (signals_held_.load(std::memory_order_acquire)) {
            // They wait in the kernel, for whoever goes on after the upgrade.
            co_await core::sleep_for(milliseconds(1));
            continue;
        }
        const core::Wake wake = co_await signals.readable();
        if (wake == core::Wake::closed) co_return;
    }
}

void Supervisor::take_signal(const ReceivedSignal& signal) {
    if (own_signals_) {
        take_own_signal(signal);
        return;
    }
    // Forwarded signals go to main; a container without one has nobody else to ask.
    const std::shared_ptr<Worker> main_worker = workers().find("main");
    // SIGTERM is how orchestrators stop a container. The interrupt key is as good where nobody is
    // left who could take it.
    const bool nobody = main_worker == nullptr || is_over(main_worker->state());
    if (signal.number == SIGTERM || (nobody && signal.number == SIGINT)) {
        events_.post({.kind = Event::Kind::stop, .worker = nullptr, .signal = signal});
    }
    if (signal.number == SIGTERM || nobody) return;
    main_worker->forward(signal);
}

void Supervisor::take_own_signal(const ReceivedSignal& signal) {
    switch (signal.number) {
        case SIGTERM:
        case SIGINT:
            events_.post({.kind = Event::Kind::stop, .worker = nullptr, .signal = signal});
            break;
        case SIGQUIT:
            dump_tasks();
            events_.post({.kind = Event::Kind::stop, .worker = nullptr, .signal = signal});
            break;
        case SIGUSR1: dump_tasks(); break;
        case SIGHUP: parts_.reload(); break;
        case SIGUSR2:
            if (parts_.upgrade_wanted) parts_.upgrade_wanted();
            break;
        default: break;
    }
}

// Through the log's way out, which never waits: a reader that has stopped reading must not stop us.
void Supervisor::dump_tasks() {
    const std::string text = core::stack_text(true);
    const auto lines = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    parts_.standard_error.write(dump_source_, text, lines);
}

void Supervisor::handle(const Event& event) {
    switch (event.kind) {
        case Event::Kind::stop: {
            if (shutdown_) {
                // Asked again: whoever still runs hears it again, as under any shell.
                for (const auto& worker : workers_) {
                    if (was_asked(*worker)) worker->stop(signal_for(*worker, event.signal));
                }
                break;
            }
            if (own_signals_ && event.signal && event.signal->number == SIGQUIT)
                forced_code_ = 128 + SIGQUIT;
            stop_was_asked_ = true;
            begin_shutdown(event.signal,
                           event.signal ? signal_name(event.signal->number) : event.by);
            break;
        }
        case Event::Kind::workers_change: take_changes(); break;
        case Event::Kind::worker_changed: {
            // Who has left by a reload may be freed by now.
            if (!places_.contains(event.worker)) break;
            note(*event.worker);
            start_next_workers();
            break;
        }
        case Event::Kind::log_stream_closed:
        case Event::Kind::hand_over: break;
    }
}

// As it came, in entrypoint mode; the worker's STOP_SIGNAL where it has one of its own, or where
// the signals are ours.
std::optional<ReceivedSignal> Supervisor::signal_for(
    const Worker& worker, const std::optional<ReceivedSignal>& received) const {
    const bool as_it_came =
        parts_.entrypoint && !own_signals_ && worker.settings().stop_signal.number == SIGTERM;
    return as_it_came ? received : std::nullopt;
}

void Supervisor::begin_shutdown(const std::optional<ReceivedSignal>& signal, std::string reason) {
    const CurrentConfiguration::Shared now = parts_.current.get();
    const config::Settings& settings = now->settings;
    stop_signal_ = signal;
    stop_reason_ = std::move(reason);
    shutting_down_.store(true, std::memory_order_release);
    const auto delay = stop_was_asked_ ? settings.drain_delay : std::chrono::nanoseconds::zero();
    shutdown_.emplace(SteadyClock::now(), delay, settings.stop_timeout);
    if (delay == std::chrono::nanoseconds::zero()) {
        shutdown_deadline_passed();
    } else {
        say(core::LogLevel::info,
            stop_reason_ + ": not ready any more; workers are told in " + duration_text(delay));
    }
}

void Supervisor::shutdown_deadline_passed() {
    shutdown_->advance();
    switch (shutdown_->phase()) {
        case ShutdownPhase::delaying: break;
        case ShutdownPhase::asking: stop_next_workers(); break;
        case ShutdownPhase::telling: {
            say(core::LogLevel::warn,
                "still running near the end of the stop timeout: telling every descendant");
            tell_descendants();
            break;
        }
        case ShutdownPhase::killing: {
            const int killed = kill_everybody();
            if (killed > 0) {
                say(core::LogLevel::warn,
                    "did not end within " +
                        duration_text(parts_.current.get()->settings.stop_timeout) + ": killed " +
                        std::to_string(killed) + " processes");
            }
            // A worker in back-off or not started has no process that could end.
            for (const auto& worker : workers_) ask(*worker);
            give_up_loading();
            break;
        }
    }
}

// With the last descendant gone every pipe is at its end, unless somebody outside holds it.
core::Task<void> Supervisor::finish_logs() {
    const SteadyTime deadline = SteadyClock::now() + milliseconds(500);
    while (open_log_streams_.load(std::memory_order_acquire) > 0) {
        auto received = co_await events_.receive(deadline);
        if (received.wake != core::Wake::ready) co_return;
    }
}

Verdict Supervisor::judge() const {
    const std::string asked = stop_was_asked_ ? ", stopped by " + stop_reason_ : "";
    auto end_of = [](const Worker& worker) {
        const WorkerStatus status = worker.status();
        if (!status.last_end) return worker.settings().name + " was never started";
        // A failed start tells the whole story by itself.
        if (status.last_end_text.starts_with("cannot")) {
            return worker.settings().name + ": " + status.last_end_text;
        }
        return worker.settings().name + " " + status.last_end_text;
    };
    if (forced_code_)
        return {*forced_code_, "stopped by " + stop_reason_ + " with a dump of all tasks"};
    if (parts_.entrypoint) {
        const Worker& only = *workers_.front();
        return {only.exit_code(), end_of(only) + asked};
    }
    if (ended_critical_ != nullptr) {
        return {ended_critical_->exit_code(), end_of(*ended_critical_) + ", and is critical"};
    }
    if (stop_was_asked_) return {0, "stopped by " + stop_reason_};
    for (const Worker* worker : over_) {
        if (!worker->ended_well())
            return {worker->exit_code(),
                    "all workers have ended; the first to fail: " + end_of(*worker)};
    }
    return {0, "all workers have ended"};
}

std::vector<std::string> Supervisor::environment_for(const config::WorkerSettings& settings,
                                                     const OwnVariables& own) {
    std::vector<std::string> environment = worker_environment(settings, own);
    for (const Hint& hint : parts_.hints(settings, environment))
        put_variable(environment, hint.name, hint.value);
    return environment;
}

void Supervisor::worker_changed(Worker& worker) {
    events_.post({.kind = Event::Kind::worker_changed, .worker = &worker, .signal = {}});
    const WorkerStatus status = worker.status();
    record(worker.settings().name, status);
    if (status.starts > 0 && !first_start_done_.exchange(true)) parts_.after_first_start();
}

void Supervisor::record(const std::string& worker, const WorkerStatus& status) {
    std::string text = worker + ": " + std::string(sentence_of(status.state));
    EventLog::Fields fields{{"state", std::string(name_of(status.state))}};
    if (status.pid > 0) fields.emplace_back("pid", std::to_string(status.pid));
    const bool has_ended = status.state == WorkerState::backoff || is_over(status.state);
    if (has_ended && status.last_end) {
        text += "; " + status.last_end_text;
        fields.emplace_back("reason", std::string(name_of(status.last_end_reason)));
        fields.emplace_back("code", std::to_string(status.last_end->shell_code()));
    }
    parts_.events.record("worker", worker, std::move(text), std::move(fields));
}

void Supervisor::log_stream_opened() { open_log_streams_.fetch_add(1, std::memory_order_relaxed); }

void Supervisor::log_stream_closed() {
    open_log_streams_.fetch_sub(1, std::memory_order_release);
    events_.post({.kind = Event::Kind::log_stream_closed, .worker = nullptr, .signal = {}});
}

}  // namespace pilotfish::daemon
