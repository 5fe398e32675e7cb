// What the supervisor hands over in an upgrade in place, and how the next image goes on with it.
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "config/instances.h"
#include "config/resolved_settings.h"
#include "config/setting_table.h"
#include "daemon/handover_values.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {
namespace {

using SettingsByWorker = std::map<std::string, std::map<std::string, std::string>>;

// Those that differ from their default: what a release adds is then no change of what it finds. By
// the name that was declared; how many instances there are is no setting of one of them.
SettingsByWorker settings_by_worker(const config::Configuration& configuration) {
    SettingsByWorker all;
    for (config::ResolvedSetting& setting : config::resolved_settings(configuration)) {
        if (setting.worker.empty() || setting.is_default) continue;
        if (setting.variable != config::worker_variable_prefix(setting.worker) + "INSTANCES")
            all[setting.worker].emplace(std::move(setting.variable), std::move(setting.value));
    }
    return all;
}

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

// Who waited for it is gone with the image before.
class Nobody final : public ProcessListener {
    void process_ended(const ProcessEnd&) override {}
    void process_stopped(pid_t) override {}
};

}  // namespace

Handover Supervisor::outline() const {
    Handover handover;
    const CurrentConfiguration::Shared now = parts_.current.get();
    auto settings = settings_by_worker(*now);
    for (const auto& worker : workers()) {
        WorkerHandover& one = handover.workers.emplace_back();
        one.name = worker->settings().name;
        one.state = name_of(worker->state());
        one.settings = settings[std::string(config::declared_name(one.name))];
    }
    return handover;
}

// Requires: the process table is frozen.
void Supervisor::save(Handover& handover) const {
    const SignalsAtStart& signals = parts_.signals_at_start;
    for (int signal = 1; signal < NSIG; ++signal) {
        if (sigismember(&signals.mask, signal) == 1) handover.blocked_signals.push_back(signal);
    }
    handover.sigpipe_ignored = signals.sigpipe_ignored;
    handover.sigchld_ignored = signals.sigchld_ignored;
    handover.first_start_done = first_start_done_.load();
    // As they are now: a reload may have changed them.
    const CurrentConfiguration::Shared now = parts_.current.get();
    auto settings = settings_by_worker(*now);
    handover.helpers = processes_.registered();
    for (const auto& worker : workers_) {
        WorkerHandover& one = handover.workers.emplace_back();
        worker->save(one);
        one.settings = settings[std::string(config::declared_name(one.name))];
        std::erase(handover.helpers, one.run.pid);
    }
    for (const Worker* worker : over_) handover.over.push_back(worker->settings().name);
    for (const Worker* worker : withdrawn_) handover.withdrawn.push_back(worker->settings().name);
    if (ended_critical_ != nullptr) handover.ended_critical = ended_critical_->settings().name;
    const std::lock_guard lock(budget_mutex_);
    for (const SteadyTime booked : restart_budget_.booked())
        handover.budget_ns.push_back(nanoseconds_of(booked));
}

// The worker has its foreground since the image before.
void Supervisor::take_terminal(WorkerRole& role, const std::string& name) {
    for (const WorkerHandover& worker : parts_.handover->workers) {
        if (worker.name != name || !worker.terminal) continue;
        if (!terminal_) terminal_ = Terminal::handed_over(*worker.terminal);
        role.terminal = terminal_;
        terminal_of_ = name;
    }
}

// For a worker of the image before that the configuration knows no more.
Worker& Supervisor::stand_in_for(const WorkerHandover& stranger) {
    config::WorkerSettings settings;
    settings.name = stranger.name;
    settings.command = {stranger.name};
    settings.restart = config::RestartPolicy::never;
    settings.stop_signal.number = stranger.stop_signal;
    settings.stop_timeout = std::chrono::nanoseconds(stranger.stop_timeout_ns);
    WorkerRole role;
    role.stop_timeout = settings.stop_timeout;
    WorkerList::Workers all(workers_.begin(), workers_.end());
    all.push_back(std::make_shared<Worker>(
        std::make_shared<const config::WorkerSettings>(std::move(settings)), role,
        static_cast<WorkerContext&>(*this)));
    publish(WorkerList(std::move(all)));
    return **(workers_.end() - 1);
}

core::Task<void> Supervisor::keep_first_thread() {
    const auto look = [] {
        if (gettid() != getpid())
            say(core::LogLevel::warn,
                "children are not made on the first thread: a further upgrade may end workers with "
                "PDEATHSIG");
    };
    co_await processes_.spawner().run_on(look);
}

// What the configuration says by now is brought about as a reload would: who is not in it any more
// is stopped, who has changed is started anew, and who is new is started like at any start.
void Supervisor::take_over_worker(const WorkerHandover& from,
                                  const std::map<std::string, std::string>& now) {
    const std::shared_ptr<Worker> known = workers_.find(from.name);
    // One that has nothing of its own any more leaves nothing to end.
    if (known == nullptr && from.run.group <= 0) return;
    Worker& worker = known != nullptr ? *known : stand_in_for(from);
    const bool has_changed = known != nullptr && from.settings != now;
    worker.adopt(from, has_changed);
    if (known == nullptr) {
        say(core::LogLevel::info, from.name + " is not configured any more; stopping it");
        successors_[from.name] = std::nullopt;
    } else if (has_changed && !is_over(worker.state())) {
        say(core::LogLevel::info, from.name + " is configured otherwise; starting it again");
        worker.restart("reload");
    } else if (has_changed && !worker.standing().was_stopped) {
        say(core::LogLevel::info, from.name + " is configured otherwise; starting it");
        worker.start();
    }
}

void Supervisor::take_over_order(const Handover& handover) {
    const auto named = [this](const std::string& name) -> const Worker* {
        const std::shared_ptr<Worker> worker = workers_.find(name);
        return worker != nullptr && is_over(worker->state()) ? worker.get() : nullptr;
    };
    for (const std::string& name : handover.over) {
        const Worker* const worker = named(name);
        if (worker != nullptr && known_over_.insert(worker).second) over_.push_back(worker);
    }
    for (const std::string& name : handover.withdrawn) {
        if (const Worker* const worker = named(name)) withdrawn_.insert(worker);
    }
    if (!handover.ended_critical.empty()) ended_critical_ = named(handover.ended_critical);
    take_order();
}

// A command that hangs would stay for ever. As nobody has collected it yet its number is still its
// own.
void Supervisor::end_helpers(const Handover& handover) {
    static Nobody nobody;
    for (const pid_t pid : handover.helpers) {
        if (pid <= 1) continue;
        processes_.adopt(pid, nobody, SIGKILL);
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL);
    }
}

void Supervisor::take_over(const Handover& handover) {
    processes_.adopt_count(handover.orphans_reaped);
    std::deque<SteadyTime> booked;
    for (const std::int64_t ns : handover.budget_ns) booked.push_back(time_of<SteadyTime>(ns));
    restart_budget_.resume(std::move(booked));
    auto settings = settings_by_worker(*parts_.current.get());
    for (const WorkerHandover& from : handover.workers)
        take_over_worker(from, settings[std::string(config::declared_name(from.name))]);
    take_over_order(handover);
    if (!successors_.empty()) ask_to_leave();
    end_helpers(handover);
    // Who ended during the pause: the signal that tells of it may have been read before.
    processes_.reap();
    if (handover.first_start_done && !first_start_done_.exchange(true)) parts_.after_first_start();
}

}  // namespace pilotfish::daemon
