// What a run says of itself by sd_notify(3), and what follows from it.
#include <algorithm>
#include <csignal>

#include "core/pidfd.h"
#include "core/sleep.h"
#include "daemon/health_run.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {

void HealthRun::refuse(const std::string& what) {
    parts_.board.refuse_message();
    // One line a run: who floods us does not flood the log.
    say_of_worker(parts_.settings.name,
                  refused_said_ ? core::LogLevel::debug : core::LogLevel::warn,
                  "got a message by sd_notify that is not taken: " + what);
    refused_said_ = true;
}

core::Task<void> HealthRun::hear_messages() {
    for (;;) {
        bool gives_up = false;
        bool heard = false;
        {
            const std::lock_guard lock(reading_);
            if (const std::optional<ReceivedNotify> received = socket_->take()) {
                heard = true;
                gives_up = hear(*received);
            }
        }
        if (gives_up) {
            parts_.board.lose_liveness();
            ProbeResult gave_up{false, "said WATCHDOG=trigger", {}};
            parts_.board.note(Check::watchdog, std::move(gave_up), core::runtime_now(), {});
            HealthTrouble trouble;
            trouble.reason = "watchdog";
            trouble.sentence = "says of itself that it hangs (WATCHDOG=trigger)";
            trouble.signal = SIGABRT;
            co_await tell(std::move(trouble));
        }
        if (heard) {
            co_await core::yield();
            continue;
        }
        const bool open = co_await socket_->wait();
        if (!open) co_return;
    }
}

// True: it gives itself up.
bool HealthRun::hear(const ReceivedNotify& received) {
    if (received.too_long) {
        refuse("it is longer than " + std::to_string(kMostNotifyBytes) + " bytes");
        return false;
    }
    if (!belongs_to_worker(received.sender, pid_)) {
        refuse("process " + std::to_string(received.sender) + " is not the worker's, or has ended");
        return false;
    }
    take(received);
    // Until it has been told nothing is handed over: it is said once.
    if (received.message.gives_up) telling_.store(true, std::memory_order_release);
    return received.message.gives_up;
}

void HealthRun::take(const ReceivedNotify& received) {
    const NotifyMessage& message = received.message;
    if (!message.refused.empty()) refuse("it says " + message.refused);
    const core::TimePoint now = core::runtime_now();
    if (message.status) parts_.board.set_status(*message.status);
    if (message.error_number) parts_.board.set_error_number(*message.error_number);
    if (message.reloading) parts_.board.set_reloading(true);
    if (message.stopping) parts_.board.set_stopping();
    if (message.main_pid) take_main_pid(*message.main_pid);
    {
        const std::lock_guard lock(mutex_);
        if (message.keep_alive) last_alive_ = now;
        if (message.watchdog) {
            keep_alive_interval_ = *message.watchdog;
            last_alive_ = now;
        }
        if (message.extend_timeout && ready_deadline_) {
            ready_deadline_ =
                std::max(*ready_deadline_, core::deadline_after(now, *message.extend_timeout));
        }
    }
    if (message.keep_alive) {
        parts_.board.prove_liveness();
        parts_.board.note(Check::watchdog, ProbeResult{true, "said WATCHDOG=1", {}}, now, {});
    }
    if (message.watchdog) keep_alive_changed_.set();
    if (message.extend_timeout && stopping_.load(std::memory_order_relaxed))
        parts_.listener.health_extends_stop(core::deadline_after(now, *message.extend_timeout));
    if (!message.ready) return;
    parts_.board.set_reloading(false);
    if (parts_.settings.ready.kind == config::ReadySetting::Kind::notify) become_ready();
}

void HealthRun::take_main_pid(pid_t process) {
    if (!belongs_to_worker(process, pid_)) {
        refuse("MAINPID=" + std::to_string(process) + " is not the worker's");
        return;
    }
    core::OwnedFd pidfd;
    if (process != pid_) pidfd = core::OwnedFd(core::open_pidfd(process));
    const std::lock_guard lock(mutex_);
    main_pidfd_ = std::move(pidfd);
}

}  // namespace pilotfish::daemon
