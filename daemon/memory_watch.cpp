#include "daemon/memory_watch.h"

#include <algorithm>

#include "cgroup/derive.h"
#include "core/blocking.h"
#include "core/memory_limit.h"
#include "daemon/reactions.h"
#include "daemon/worker_memory.h"

namespace pilotfish::daemon {
namespace {

using cgroup::bytes_text;
using Kind = GuardAction::Kind;

// A process tree's true size costs 1 ms per 100 MB, so it is asked for no more often. Chosen.
constexpr std::chrono::seconds kExactFor{10};

// A walk over /proc to see who is above its own MEMORY, while all are far from it. Chosen.
constexpr std::uint64_t kOwnEveryTicks = 5;
constexpr double kOwnNear = 0.8;

bool watches(const config::WorkerSettings& worker) {
    return worker.on_memory.kind != config::Reaction::Kind::none || worker.memory.has_value();
}

std::string sentence_of(const GuardAction& action, const config::WorkerSettings& worker) {
    std::string text = "holds " + bytes_text(action.resident_bytes) + " of memory";
    if (action.cause == GuardAction::Cause::container) {
        text += ", " + bytes_text(action.grown_bytes) +
                " more than when it was first watched or 10 to 20 minutes ago, and the container "
                "holds " +
                bytes_text(action.used_bytes) + " with a soft limit of " +
                bytes_text(action.limit_bytes);
    } else {
        text += ", and its MEMORY is " + bytes_text(action.limit_bytes);
    }
    switch (action.kind) {
        case Kind::signal:
            return text + ": sending it " + config::format_signal(worker.on_memory.signal);
        case Kind::restart: return text + ": restarting it";
        case Kind::warn: return text + ", which nothing here enforces: raise it, or set ON_MEMORY";
        case Kind::withheld:
            if (worker.on_memory.kind == config::Reaction::Kind::signal)
                return text + ", and " + withheld_words(worker.on_memory);
            return text + ": not restarting it again, as that was done too often already";
    }
    return text;
}

}  // namespace

MemoryWatch::MemoryWatch(MemoryWatchParts parts) : parts_(std::move(parts)) { reconfigure(); }

void MemoryWatch::reconfigure() {
    const CurrentConfiguration::Shared now = parts_.configuration.get();
    const bool needed = std::any_of(now->workers.begin(), now->workers.end(),
                                    [](const auto& worker) { return watches(worker.settings); });
    needed_.store(needed, std::memory_order_relaxed);
}

MemoryWatch::Counts MemoryWatch::counts(const std::string& worker) const {
    const std::lock_guard lock(mutex_);
    const auto known = counts_.find(worker);
    return known == counts_.end() ? Counts{} : known->second;
}

core::Task<void> MemoryWatch::run() {
    for (;;) {
        co_await due_.wait();
        due_.reset();
        if (parts_.supervisor.shutting_down()) co_return;
        const bool pressed = pressed_.exchange(false, std::memory_order_relaxed);
        auto measure = [this, pressed] { return look(std::chrono::steady_clock::now(), pressed); };
        const std::vector<GuardAction> actions = co_await core::blocking(measure);
        for (const GuardAction& action : actions) carry_out(action);
    }
}

std::vector<GuardAction> MemoryWatch::look(std::chrono::steady_clock::time_point now,
                                           bool pressed) {
    const LimitsSnapshot limits = parts_.limits.snapshot();
    const cgroup::Usage usage = parts_.limits.usage();
    const cgroup::DerivePolicy policy = derive_policy(parts_.configuration.get()->settings);
    const MemoryLoad load = memory_load(usage, limits.derived, policy);
    follow(parts_.supervisor.workers());
    note_workers(*limits.budgets);
    const bool all = guard_.wants_sizes(load.working_set.used_bytes, load.working_set.soft_bytes);
    if (all || own_are_due(pressed))
        measure_workers(all, pressed || load.working_set.load() >= GuardPolicy{}.signal_from, now);
    GuardLook look;
    look.now = now;
    look.working_set_bytes = load.working_set.used_bytes;
    look.soft_bytes = load.working_set.soft_bytes;
    look.firm_bytes = load.firm.used_bytes;
    look.firm_soft_bytes = load.firm.soft_bytes;
    look.pressed = pressed;
    look.workers = workers_;
    return guard_.look(look);
}

// Who is still there keeps what is known of it, at its new place.
void MemoryWatch::follow(const WorkerList& workers) {
    if (workers == list_) return;
    std::vector<std::optional<std::size_t>> old_places(workers.size());
    std::vector<GuardedWorker> guarded(workers.size());
    std::vector<Watched> watched(workers.size());
    for (std::size_t at = 0; at < workers.size(); ++at) {
        const auto old = std::find(list_.begin(), list_.end(), workers[at]);
        if (old == list_.end()) continue;
        const auto place = static_cast<std::size_t>(old - list_.begin());
        old_places[at] = place;
        guarded[at] = workers_[place];
        watched[at] = watched_[place];
    }
    guard_.follow(old_places);
    workers_ = std::move(guarded);
    watched_ = std::move(watched);
    list_ = workers;
}

// Sizes stay those of the last measuring: between two, nobody is said to hold less.
void MemoryWatch::note_workers(const Budgets& budgets) {
    for (std::size_t at = 0; at < list_.size(); ++at) {
        const config::WorkerSettings& settings = list_[at]->settings();
        const WorkerStatus status = list_[at]->status();
        GuardedWorker& guarded = workers_[at];
        if (guarded.run != status.starts) guarded = {};
        guarded.reaction = settings.on_memory.kind;
        guarded.may_restart = settings.restart != config::RestartPolicy::never;
        guarded.runs = status.up &&
                       (status.state == WorkerState::running || status.state == WorkerState::ready);
        guarded.is_ending = status.state == WorkerState::stopping;
        guarded.run = status.starts;
        const WorkerBudget* const budget = budgets.find(settings.name);
        guarded.own_bytes = budget != nullptr ? budget->memory_bytes : std::nullopt;
    }
}

// Is it time to see who is above a MEMORY of its own?
bool MemoryWatch::own_are_due(bool pressed) {
    const bool any = std::any_of(workers_.begin(), workers_.end(), [](const GuardedWorker& worker) {
        return worker.runs && worker.own_bytes;
    });
    if (!any) return false;
    const std::uint64_t tick = ticks_.load(std::memory_order_relaxed);
    if (!pressed && !some_own_is_near_ && tick - own_measured_at_ < kOwnEveryTicks) return false;
    own_measured_at_ = tick;
    return true;
}

// all: those without a MEMORY too. near: the container is where somebody may be acted on.
void MemoryWatch::measure_workers(bool all, bool near, std::chrono::steady_clock::time_point now) {
    const WorkerList& workers = list_;
    std::vector<pid_t> pids(workers.size(), -1);
    std::optional<std::uint64_t> heap_bytes;
    for (std::size_t at = 0; at < workers.size(); ++at) {
        GuardedWorker& guarded = workers_[at];
        guarded.is_capped = false;
        if (!guarded.runs || !(all || guarded.own_bytes)) continue;
        if (workers[at]->is_hosted()) {
            if (!heap_bytes) heap_bytes = core::heap_in_use_bytes();
            guarded.resident_bytes = *heap_bytes;
            continue;
        }
        const auto group = parts_.group_memory ? parts_.group_memory(*workers[at])
                                               : std::optional<WorkerGroupMemory>();
        if (!group) {
            pids[at] = workers[at]->status().pid;
            continue;
        }
        guarded.resident_bytes = group->firm_bytes;
        // A cap that the kernel did not take is none.
        guarded.is_capped =
            guarded.own_bytes && group->limit_bytes && *group->limit_bytes <= *guarded.own_bytes;
    }
    const std::vector<TreeMemory> trees = memory_of_trees(pids);
    some_own_is_near_ = false;
    for (std::size_t at = 0; at < workers.size(); ++at) {
        GuardedWorker& guarded = workers_[at];
        if (pids[at] > 0) {
            guarded.resident_bytes = trees[at].resident_bytes;
            // Too large by an upper bound, or about to be acted on: what forked children share must
            // not count against it.
            const bool over = guarded.own_bytes && guarded.resident_bytes > *guarded.own_bytes;
            const bool candidate = near && guarded.reaction != config::Reaction::Kind::none;
            if (over || candidate) guarded.resident_bytes = exact_bytes(at, trees[at], now);
        }
        some_own_is_near_ |= guarded.runs && guarded.own_bytes &&
                             static_cast<double>(guarded.resident_bytes) >
                                 kOwnNear * static_cast<double>(*guarded.own_bytes);
    }
}

std::uint64_t MemoryWatch::exact_bytes(std::size_t at, const TreeMemory& tree,
                                       std::chrono::steady_clock::time_point now) {
    const std::uint64_t run = workers_[at].run;
    Exact& exact = watched_[at].exact;
    if (exact.run != run || now - exact.at >= kExactFor)
        exact = {now, run, proportional_bytes(tree.processes).value_or(tree.resident_bytes)};
    return std::min(tree.resident_bytes, exact.bytes);
}

void MemoryWatch::carry_out(GuardAction action) {
    Worker& worker = *list_[action.worker];
    const config::WorkerSettings& settings = worker.settings();
    if (action.kind == Kind::signal || action.kind == Kind::restart) {
        const Reacted reacted = react(worker, settings.on_memory, "memory");
        if (reacted == Reacted::nothing) return;  // it has ended meanwhile
        if (reacted == Reacted::withheld) {
            std::uint64_t& told_in = watched_[action.worker].unheard_in;
            if (told_in == workers_[action.worker].run) return;
            told_in = workers_[action.worker].run;
            action.kind = Kind::withheld;
        }
    }
    {
        const std::lock_guard lock(mutex_);
        ++counts_[settings.name][static_cast<std::size_t>(action.kind)];
    }
    const std::string sentence = sentence_of(action, settings);
    say_of_worker(settings.name, core::LogLevel::warn, sentence);
    parts_.events.record("memory", settings.name, settings.name + " " + sentence,
                         {{"step", std::string(name_of(action.kind))},
                          {"used_bytes", std::to_string(action.used_bytes)},
                          {"limit_bytes", std::to_string(action.limit_bytes)},
                          {"resident_bytes", std::to_string(action.resident_bytes)},
                          {"grown_bytes", std::to_string(action.grown_bytes)}});
    parts_.trace.action(action, settings.name);
}

}  // namespace pilotfish::daemon
