#include "daemon/health_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "core/blocking.h"
#include "core/pidfd.h"
#include "core/sleep.h"
#include "daemon/duration_text.h"
#include "daemon/environment.h"
#include "daemon/evidence.h"
#include "daemon/probe_exec.h"
#include "daemon/probe_http.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {
namespace {

using config::ReadySetting;
using std::chrono::milliseconds;
using std::chrono::seconds;

bool asks_by_command(const config::WorkerSettings& settings) {
    const auto by_command = [](const config::ProbeTarget& target) {
        return target.kind == config::ProbeTarget::Kind::exec;
    };
    return (settings.ready.kind == ReadySetting::Kind::probe && by_command(settings.ready.probe)) ||
           (settings.liveness.probe && by_command(*settings.liveness.probe));
}

bool listens(const config::WorkerSettings& settings) {
    return settings.ready.kind == ReadySetting::Kind::notify ||
           settings.watchdog != core::Duration::zero();
}

}  // namespace

HealthRun::~HealthRun() {
    if (line_watch_) line_watch_->stop();
}

core::Result<void> HealthRun::prepare(SpawnRequest& request) {
    const config::WorkerSettings& settings = parts_.settings;
    keep_command(request);
    if (listens(settings)) {
        auto socket = NotifySocket::open();
        if (!socket) return socket.error();
        socket_.emplace(std::move(*socket));
        put_variable(request.environment, "NOTIFY_SOCKET", socket_->address());
    }
    if (settings.watchdog != core::Duration::zero()) {
        const auto microseconds =
            std::chrono::duration_cast<std::chrono::microseconds>(settings.watchdog);
        put_variable(request.environment, "WATCHDOG_USEC", std::to_string(microseconds.count()));
        request.pid_variable = "WATCHDOG_PID";
    }
    if (settings.ready.kind == ReadySetting::Kind::descriptor) {
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) != 0)
            return core::system_error("make a pipe for READY=fd", errno);
        ready_pipe_write_ = core::OwnedFd(ends[1]);
        fcntl(ends[0], F_SETFL, O_NONBLOCK);
        auto pipe = core::AsyncFd::adopt(ends[0]);
        if (!pipe) return pipe.error();
        ready_pipe_ = std::move(*pipe);
        request.descriptors.push_back({ends[1], settings.ready.descriptor});
    }
    watch_lines();
    return {};
}

void HealthRun::keep_command(const SpawnRequest& request) {
    if (asks_by_command(parts_.settings)) command_request_ = request;
}

void HealthRun::watch_lines() {
    if (parts_.settings.ready.kind != ReadySetting::Kind::log_line) return;
    line_watch_ = std::make_shared<LineWatch>(parts_.ready_pattern, [this] { become_ready(); });
}

void HealthRun::begin(pid_t pid) {
    const config::WorkerSettings& settings = parts_.settings;
    ready_pipe_write_.close();
    {
        const std::lock_guard lock(mutex_);
        keep_alive_interval_ = settings.watchdog;
        if (settings.ready_timeout != core::Duration::zero())
            ready_deadline_ = core::deadline_after(core::runtime_now(), settings.ready_timeout);
    }
    watch(pid);
}

void HealthRun::watch(pid_t pid) {
    const config::WorkerSettings& settings = parts_.settings;
    pid_ = pid;
    const bool waits = settings.plugin.empty() && settings.ready.kind != ReadySetting::Kind::none &&
                       !ready_.is_set();
    if (waits) tasks_.spawn(watch_start(), {.name = "readiness"});
    if (waits && settings.ready.kind == ReadySetting::Kind::probe)
        tasks_.spawn(ask_ready(), {.name = "ready probe"});
    ready_fd_ = ready_pipe_ ? ready_pipe_.get() : -1;
    if (ready_pipe_)
        tasks_.spawn(read_descriptor(std::move(ready_pipe_)), {.name = "ready descriptor"});
    if (settings.liveness.probe) tasks_.spawn(ask_liveness(), {.name = "liveness probe"});
    if (socket_) {
        tasks_.spawn(hear_messages(), {.name = "notify"});
        tasks_.spawn(watch_keep_alive(), {.name = "watchdog"});
    }
}

void HealthRun::note_ready() {
    {
        const std::lock_guard lock(mutex_);
        last_alive_ = core::runtime_now();
    }
    ready_.set();
}

core::Task<void> HealthRun::end() {
    stopping();
    if (line_watch_) line_watch_->stop();
    tasks_.cancel();
    const core::Shield shield;
    co_await tasks_.wait();
}

void HealthRun::become_ready() {
    if (ready_.is_set()) return;
    note_ready();
    parts_.listener.health_ready();
}

void HealthRun::signal_main(int signal) {
    const std::lock_guard lock(mutex_);
    if (main_pidfd_) core::send_signal(main_pidfd_.get(), signal);
}

// Evidence first: what is done next changes what there is to see.
core::Task<void> HealthRun::tell(HealthTrouble trouble) {
    telling_.store(true, std::memory_order_release);
    if (stopping_.load(std::memory_order_relaxed) || told_.exchange(true)) {
        telling_.store(false, std::memory_order_release);
        co_return;
    }
    std::vector<std::string> evidence;
    if (pid_ > 0) {
        const pid_t pid = pid_;
        evidence = co_await core::blocking([pid] { return evidence_of(pid); });
    }
    parts_.listener.health_trouble(std::move(trouble), std::move(evidence));
    telling_.store(false, std::memory_order_release);
}

// ---- readiness ----

core::Task<void> HealthRun::watch_start() {
    for (;;) {
        core::Deadline deadline;
        {
            const std::lock_guard lock(mutex_);
            deadline = ready_deadline_;
        }
        // One that was extended meanwhile is waited for anew.
        const core::Wake wake = co_await ready_.wait(deadline);
        if (wake == core::Wake::ready) co_return;
        const std::lock_guard lock(mutex_);
        if (ready_deadline_ == deadline) break;
    }
    const config::WorkerSettings& settings = parts_.settings;
    std::string detail = parts_.board.last_detail(Check::ready);
    if (settings.ready.kind != ReadySetting::Kind::probe) {
        detail = "it has not said so";
        ProbeResult silence{false, detail, {}};
        parts_.board.note(Check::ready, std::move(silence), core::runtime_now(),
                          settings.ready_timeout);
    }
    HealthTrouble trouble;
    trouble.reason = "not_ready";
    trouble.sentence = "is not ready after " + duration_text(settings.ready_timeout) +
                       " (READY=" + config::format_ready(settings.ready) + ": " + detail + ")";
    co_await tell(std::move(trouble));
}

core::Task<ProbeResult> HealthRun::ask(const config::ProbeTarget& target, core::Duration most,
                                       Check check) {
    const core::TimePoint began = core::runtime_now();
    const core::TimePoint deadline = core::deadline_after(began, most);
    ProbeResult result;
    if (target.kind == config::ProbeTarget::Kind::exec) {
        SpawnRequest request = *command_request_;
        request.command = target.command;
        request.inherit_descriptors = false;
        request.foreground_tty.reset();
        result = co_await probe_by_command(parts_.processes, std::move(request), deadline);
    } else {
        result = co_await probe_by_network(target, deadline);
    }
    const core::TimePoint now = core::runtime_now();
    parts_.board.note(check, result, now, now - began);
    co_return result;
}

// The first tries are quick, as most are ready in no time, and get slower up to the interval.
core::Task<void> HealthRun::ask_ready() {
    const config::WorkerSettings& settings = parts_.settings;
    const config::ProbeTarget& target = settings.ready.probe;
    const bool by_command = target.kind == config::ProbeTarget::Kind::exec;
    core::Duration pause =
        std::min<core::Duration>(settings.ready_interval, milliseconds(by_command ? 100 : 10));
    // A try that hangs is given up in time for the next, but has a second where tries are frequent.
    const core::Duration most = std::max<core::Duration>(settings.ready_interval, seconds(1));
    while (!ready_.is_set() && !stopping_.load(std::memory_order_relaxed)) {
        co_await core::sleep_for(pause);
        const ProbeResult result = co_await ask(target, most, Check::ready);
        if (result.ok) become_ready();
        pause = std::min<core::Duration>(pause * 2, settings.ready_interval);
    }
}

// As s6 has it: a line says that it is ready. A descriptor that is closed without one can never say
// it any more; an end of the process is heard of within a second, and then this is no news.
core::Task<void> HealthRun::read_descriptor(core::AsyncFd pipe) {
    bool ended = false;
    while (!ended) {
        if (has_said_line(pipe.get(), ended)) {
            become_ready();
            co_return;
        }
        if (ended) break;
        const core::Wake wake = co_await pipe.readable();
        if (wake == core::Wake::closed) co_return;
    }
    const std::string number = std::to_string(parts_.settings.ready.descriptor);
    ProbeResult closed{false, "closed descriptor " + number + " without a line", {}};
    parts_.board.note(Check::ready, std::move(closed), core::runtime_now(), {});
    co_await core::sleep_for(seconds(1));
    HealthTrouble trouble;
    trouble.reason = "not_ready";
    trouble.sentence = "will never be ready: it closed descriptor " + number +
                       " without a line that says so (READY=fd:" + number + ")";
    co_await tell(std::move(trouble));
}

// Takes what the pipe holds; ended: nothing more will come.
bool HealthRun::has_said_line(int pipe, bool& ended) {
    const std::lock_guard lock(reading_);
    char buffer[512];
    for (;;) {
        const ssize_t count = read(pipe, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) return false;
        const bool said =
            count > 0 && std::string_view(buffer, static_cast<std::size_t>(count)).find('\n') !=
                             std::string_view::npos;
        ended = count <= 0;
        if (said || ended) ready_fd_ = -1;
        if (said || ended) return said;
    }
}

// ---- liveness ----

core::Task<void> HealthRun::ask_liveness() {
    const config::WorkerSettings& settings = parts_.settings;
    const config::ProbeTarget& target = *settings.liveness.probe;
    const auto most = static_cast<std::uint64_t>(settings.liveness_failures.most);
    co_await ready_.wait();
    while (!stopping_.load(std::memory_order_relaxed)) {
        co_await core::sleep_for(settings.liveness_interval);
        if (stopping_.load(std::memory_order_relaxed)) co_return;
        const ProbeResult result = co_await ask(target, settings.liveness_timeout, Check::liveness);
        // Who is told to end may well fail it.
        if (stopping_.load(std::memory_order_relaxed)) co_return;
        if (result.ok) {
            parts_.board.prove_liveness();
            continue;
        }
        const std::uint64_t failures = parts_.board.failures_in_a_row(Check::liveness);
        const std::string of = config::format_probe(target) + ": " + result.detail;
        say_of_worker(settings.name, core::LogLevel::warn,
                      "fails its LIVENESS, " + std::to_string(failures) + " of " +
                          std::to_string(most) + " (" + of + ")");
        if (failures < most) continue;
        parts_.board.lose_liveness();
        HealthTrouble trouble;
        trouble.reason = "liveness";
        trouble.sentence =
            "failed its LIVENESS " + std::to_string(failures) + " times in a row (" + of + ")";
        co_await tell(std::move(trouble));
        co_return;
    }
}

// Counts from the last WATCHDOG=1, and from readiness. What it sent in time may still be unread,
// and the whole container may have been frozen: who looks late looks once more.
core::Task<void> HealthRun::watch_keep_alive() {
    co_await ready_.wait();
    constexpr milliseconds kSecondLook{100};
    bool looked = false;
    for (;;) {
        core::Duration interval;
        core::TimePoint due;
        {
            const std::lock_guard lock(mutex_);
            interval = keep_alive_interval_;
            due = core::deadline_after(last_alive_, interval);
        }
        if (stopping_.load(std::memory_order_relaxed)) co_return;
        const bool needed = interval != core::Duration::zero();
        core::Deadline next;
        if (needed) next = looked ? core::runtime_now() + kSecondLook : due;
        const core::Wake wake = co_await keep_alive_changed_.wait(next);
        if (wake == core::Wake::ready) {
            keep_alive_changed_.reset();
            continue;
        }
        const core::TimePoint now = core::runtime_now();
        const std::lock_guard lock(mutex_);
        due = core::deadline_after(last_alive_, keep_alive_interval_);
        if (now < due) {
            looked = false;
            continue;
        }
        if (looked) break;
        looked = true;
        // Nobody ran: it cannot have said anything either, and gets its interval anew.
        if (now - due > std::max<core::Duration>(keep_alive_interval_ / 2, seconds(1))) {
            last_alive_ = now;
            looked = false;
        }
    }
    parts_.board.lose_liveness();
    const std::string silence =
        "did not say WATCHDOG=1 for " + duration_text(parts_.settings.watchdog);
    ProbeResult missed{false, silence, {}};
    parts_.board.note(Check::watchdog, std::move(missed), core::runtime_now(), {});
    HealthTrouble trouble;
    trouble.reason = "watchdog";
    trouble.sentence = silence;
    // As systemd does: most runtimes write all their stacks then.
    trouble.signal = SIGABRT;
    co_await tell(std::move(trouble));
}

}  // namespace pilotfish::daemon
