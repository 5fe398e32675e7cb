#include "daemon/reactions.h"

#include <algorithm>
#include <csignal>
#include <functional>

#include "config/signal_name.h"
#include "core/sleep.h"
#include "daemon/proc_stat.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;
using Kind = config::Reaction::Kind;

// All chosen, not measured.
constexpr std::chrono::seconds kBetweenRestarts{10};  // of one worker
constexpr std::chrono::seconds kLongestAway{60};  // before the next one is restarted all the same
constexpr std::chrono::milliseconds kLookAgain{50};

bool runs(WorkerState state) {
    return state == WorkerState::running || state == WorkerState::ready;
}

// Of what can never be caught the end is meant.
bool is_heard(const Worker& worker, int signal) {
    if (signal == SIGKILL || signal == SIGSTOP) return true;
    const pid_t pid = worker.status().pid;
    return pid <= 0 || minds_signal(pid, signal).value_or(true);
}

bool is_known(core::LimitState state) { return state != core::LimitState::unknown; }

std::optional<std::uint64_t> bytes_of_part(const std::optional<MemoryPart>& part) {
    if (!part) return std::nullopt;
    return part->bytes;
}

}  // namespace

Reacted react(Worker& worker, const config::Reaction& reaction, const std::string& reason) {
    if (!runs(worker.state())) return Reacted::nothing;
    switch (reaction.kind) {
        case Kind::none: return Reacted::nothing;
        case Kind::signal: {
            if (!is_heard(worker, reaction.signal.number)) return Reacted::withheld;
            const ReceivedSignal signal{
                .number = reaction.signal.number, .queued = false, .value = {}, .sender = 0};
            return worker.forward(signal) ? Reacted::done : Reacted::nothing;
        }
        case Kind::restart: worker.restart(reason); return Reacted::done;
    }
    return Reacted::nothing;
}

std::string withheld_words(const config::Reaction& reaction) {
    return "has no handler for " + config::format_signal(reaction.signal) +
           ", which would end it or be lost: not sending it";
}

bool ResizeFilter::matters(const config::Configuration& configuration,
                           const cgroup::LimitsEvent& event) {
    const core::Limits before = known_.value_or(event.before);
    core::Limits after = event.after;
    const bool cpu = is_known(before.cpu.state) && is_known(after.cpu.state);
    const bool memory = is_known(before.memory.state) && is_known(after.memory.state);
    if (!is_known(after.cpu.state)) after.cpu = before.cpu;
    if (!is_known(after.memory.state)) after.memory = before.memory;
    known_ = after;
    const cgroup::DerivePolicy policy = derive_policy(configuration.settings);
    const core::DerivedLimits was = cgroup::derive(before, policy);
    const core::DerivedLimits is = cgroup::derive(after, policy);
    if (cpu && was.maxprocs != is.maxprocs) return true;
    if (memory && was.soft_limit_bytes != is.soft_limit_bytes) return true;
    const Budgets had = make_budgets(configuration, before);
    const Budgets has = make_budgets(configuration, after);
    // Both are made of the same configuration just now, so they have the same workers.
    for (std::size_t at = 0; at < has.workers.size(); ++at) {
        const WorkerBudget& old = had.workers[at];
        const WorkerBudget& now = has.workers[at];
        if (cpu && old.cpus != now.cpus) return true;
        if (memory && (old.memory_bytes != now.memory_bytes ||
                       old.memory_high_bytes != now.memory_high_bytes ||
                       bytes_of_part(old.soft) != bytes_of_part(now.soft) ||
                       bytes_of_part(old.whole) != bytes_of_part(now.whole)))
            return true;
    }
    return false;
}

std::vector<std::string> after_order(const config::Configuration& configuration) {
    const auto& workers = configuration.workers;
    std::vector<std::string> order;
    std::vector<bool> seen(workers.size());
    const std::function<void(std::size_t)> visit = [&](std::size_t at) {
        if (seen[at]) return;
        seen[at] = true;
        const auto comes_behind = [&](const config::Names& names, std::size_t other) {
            return std::find(names.begin(), names.end(),
                             config::declared_name(workers[other].settings)) != names.end();
        };
        for (std::size_t other = 0; other < workers.size(); ++other) {
            if (comes_behind(workers[at].settings.after, other) ||
                comes_behind(workers[at].settings.needs, other))
                visit(other);
        }
        order.push_back(workers[at].settings.name);
    };
    for (std::size_t at = 0; at < workers.size(); ++at) visit(at);
    return order;
}

ResizeReactions::ResizeReactions(const CurrentConfiguration& configuration,
                                 const Supervisor& supervisor)
    : configuration_(configuration), supervisor_(supervisor) {}

void ResizeReactions::limits_resized(const cgroup::LimitsEvent& event) {
    if (!filter_.matters(*configuration_.get(), event) || supervisor_.shutting_down()) return;
    for (const auto& worker : supervisor_.workers()) {
        const Kind kind = worker->settings().on_resize.kind;
        if (kind == Kind::signal) send(*worker);
        if (kind != Kind::restart) continue;
        const std::lock_guard lock(mutex_);
        restart_due_.insert(worker->settings().name);
        due_.set();
    }
}

void ResizeReactions::send(Worker& worker) {
    const config::WorkerSettings& settings = worker.settings();
    const Reacted reacted = react(worker, settings.on_resize, "resize");
    if (reacted == Reacted::done) {
        say_of_worker(
            settings.name, core::LogLevel::info,
            "is told of the resize by " + config::format_signal(settings.on_resize.signal));
    } else if (reacted == Reacted::withheld) {
        const std::uint64_t run = worker.status().starts;
        std::uint64_t& told_in = withheld_in_[settings.name];
        if (told_in == run) return;
        told_in = run;
        say_of_worker(settings.name, core::LogLevel::warn, withheld_words(settings.on_resize));
    }
}

core::Task<void> ResizeReactions::run() {
    for (;;) {
        co_await due_.wait();
        due_.reset();
        const std::vector<std::string> order = after_order(*configuration_.get());
        for (const std::string& name : order) {
            if (supervisor_.shutting_down()) co_return;
            const bool due = take_due(name);
            if (due) co_await restart(name);
        }
    }
}

bool ResizeReactions::take_due(const std::string& name) {
    const std::lock_guard lock(mutex_);
    return restart_due_.erase(name) > 0;
}

// Until it is back, or over.
core::Task<void> ResizeReactions::restart(const std::string& name) {
    const auto last = restarted_.find(name);
    if (last != restarted_.end()) co_await core::sleep_until(last->second + kBetweenRestarts);
    // What came meanwhile is carried out with this one.
    take_due(name);
    if (supervisor_.shutting_down()) co_return;
    const std::shared_ptr<Worker> worker = supervisor_.workers().find(name);
    if (!worker) co_return;
    const std::uint64_t run = worker->status().starts;
    if (react(*worker, worker->settings().on_resize, "resize") != Reacted::done) co_return;
    const Clock::time_point began = Clock::now();
    restarted_[name] = began;
    say_of_worker(name, core::LogLevel::info, "is restarted for the resize");
    while (Clock::now() - began < kLongestAway && !supervisor_.shutting_down()) {
        const WorkerStatus now = worker->status();
        if (is_over(now.state) || (now.starts > run && runs(now.state))) co_return;
        co_await core::sleep_for(kLookAgain);
    }
}

}  // namespace pilotfish::daemon
