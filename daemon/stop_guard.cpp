#include "daemon/stop_guard.h"

#include <chrono>
#include <csignal>
#include <string>

#include "core/log.h"
#include "core/signals.h"
#include "daemon/descendants.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

// Chosen: a hundred spawns' time, and nothing that a worker's user would notice.
constexpr std::chrono::milliseconds kPatience{100};
constexpr std::chrono::milliseconds kLookEvery{10};
// Chosen: as long as a worker's start may be held up by somebody who means it.
constexpr std::chrono::seconds kMostStopped{10};
constexpr std::size_t kStackBytes = std::size_t{128} << 10;

}  // namespace

StopGuard::StopGuard(bool is_wanted) {
    pthread_attr_t attributes;
    if (!is_wanted || pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, kStackBytes);
    const core::BlockedSignals for_others(core::SignalSet::all());
    has_thread_ = pthread_create(&thread_, &attributes, thread_main, this) == 0;
    pthread_attr_destroy(&attributes);
}

StopGuard::~StopGuard() {
    if (!has_thread_) return;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
    }
    over_changed_.notify_one();
    pthread_join(thread_, nullptr);
}

void* StopGuard::thread_main(void* self) {
    pthread_setname_np(pthread_self(), "pf-stopguard");
    static_cast<StopGuard*>(self)->watch();
    return nullptr;
}

void StopGuard::watch() {
    std::unique_lock lock(mutex_);
    if (over_changed_.wait_for(lock, kPatience, [this] { return over_; })) return;
    Clock::time_point first_stopped{};
    do {
        const pid_t child = child_.load();
        const auto process = child > 0 ? read_process(child) : std::nullopt;
        if (!process || process->state != 'T') continue;
        const std::string who = "process " + std::to_string(child);
        if (first_stopped == Clock::time_point{}) {
            first_stopped = Clock::now();
            core::log(core::LogLevel::warn, "daemon",
                      who + " was stopped by somebody while it became its program; continuing it");
        }
        if (Clock::now() - first_stopped < kMostStopped) {
            kill(child, SIGCONT);
            continue;
        }
        core::log(core::LogLevel::error, "daemon",
                  who +
                      " is stopped by somebody again and again before it is its program; killed, "
                      "as the daemon waits for it");
        kill(child, SIGKILL);
    } while (!over_changed_.wait_for(lock, kLookEvery, [this] { return over_; }));
}

}  // namespace pilotfish::daemon
