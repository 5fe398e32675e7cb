// The end of everybody: whoever is still below us when the workers are over, or when the time is.
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "daemon/descendants.h"
#include "daemon/duration_text.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {

using std::chrono::milliseconds;

namespace {

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

}  // namespace

// Told once each, by pid and start time.
void Supervisor::tell_descendants() {
    const bool first = told_.empty();
    for (const auto& worker : workers_) {
        // Hosted tasks are told in another way, and once, too.
        if (worker->is_hosted()) ask(*worker);
    }
    const std::vector<Descendant> all = descendants_of(getpid());
    if (first && all.empty() && getpid() == 1) {
        // /proc is not there; somebody is, or nobody would have asked.
        kill(-1, SIGTERM);
        kill(-1, SIGCONT);
    }
    for (const Descendant& process : all) {
        if (process.state == 'Z' || std::find(told_.begin(), told_.end(), process) != told_.end())
            continue;
        signal_descendant(process, SIGTERM);
        signal_descendant(process, SIGCONT);  // whoever is stopped would never see the first
        told_.push_back(process);
    }
}

// Returns how many were found. Where /proc does not show them, PID 1 can still reach all of its
// namespace, and a worker's own process has its pidfd.
int Supervisor::kill_everybody() {
    for (const auto& worker : workers_) {
        worker->expect_kill();
        if (worker->is_hosted() && is_up(worker->state())) worker->kill_now();
    }
    const int killed = kill_descendants();
    if (killed > 0) return killed;
    if (getpid() == 1) kill(-1, SIGKILL);
    for (const auto& worker : workers_) {
        if (is_up(worker->state())) worker->kill_now();
    }
    return 0;
}

// The code of a plugin that runs while its file is loaded may wait for ever, on a thread that
// nobody can take that from. There is no run yet that could be left behind.
void Supervisor::give_up_loading() {
    for (const auto& worker : workers_) {
        const bool loading = worker->is_hosted() && worker->state() == WorkerState::starting;
        if (!loading || known_over_.contains(worker.get())) continue;
        say(core::LogLevel::warn, worker->settings().name + ": cannot load " +
                                      worker->settings().plugin +
                                      ": it did not return; going on without it");
        over_.push_back(worker.get());
        known_over_.insert(worker.get());
    }
}

// Whoever is left: daemons that double-forked, setsid escapees, background jobs of a shell. They
// are told, given what is left of the time, and killed at its end.
core::Task<void> Supervisor::drain_descendants() {
    const SteadyTime begin = SteadyClock::now();
    SteadyTime deadline =
        shutdown_ ? shutdown_->kills_at() : begin + parts_.current.get()->settings.stop_timeout;
    SteadyTime next_walk = begin;
    bool said = false;
    bool killed = false;
    milliseconds pause{1};
    while (ProcessTable::has_children()) {
        const SteadyTime now = SteadyClock::now();
        if (now >= deadline) {
            const int count = kill_everybody();
            if (!killed)
                say(core::LogLevel::warn,
                    "killed " + std::to_string(count) + " processes that did not end");
            killed = true;
            // What takes no SIGKILL is in an uninterruptible wait, or not ours to see: our end is
            // its end.
            if (now >= deadline + std::chrono::seconds(2)) co_return;
        } else if (now >= next_walk) {
            tell_descendants();
            next_walk = now + milliseconds(100);  // a walk over /proc is dear where many are left
        }
        if (!said && now >= begin + milliseconds(200)) {
            said = true;
            say(core::LogLevel::info, "the workers have ended; " + std::to_string(told_.size()) +
                                          " processes they left behind have " +
                                          duration_text(deadline - now) + " to end");
        }
        auto received = co_await events_.receive(now + pause);
        const bool interrupted =
            received.value && received.value->signal && received.value->signal->number == SIGINT;
        if (interrupted) deadline = std::min(deadline, SteadyClock::now());
        pause = std::min(pause * 2, milliseconds(10));
    }
}

}  // namespace pilotfish::daemon
