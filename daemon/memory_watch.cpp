#include "daemon/memory_watch.h"

#include <algorithm>

#include "cgroup/derive.h"
#include "cgroup/headroom.h"
#include "core/memory_limit.h"
#include "daemon/reactions.h"
#include "daemon/worker_memory.h"

namespace pilotfish::daemon {
namespace {

using cgroup::bytes_text;
using Kind = GuardAction::Kind;

// A process tree's true size costs 1 ms per 100 MB, so it is asked for no more often. Chosen.
constexpr std::chrono::seconds kExactFor{10};

bool watches(const config::WorkerSettings& worker) {
    return worker.on_memory.kind != config::Reaction::Kind::none || worker.memory.has_value();
}

std::string sentence_of(const GuardAction& action, const config::WorkerSettings& worker) {
    std::string text = "holds " + bytes_text(action.resident_bytes) + " of memory";
    if (action.cause == GuardAction::Cause::container) {
        text += ", " + bytes_text(action.grown_bytes) +
                " more than before, and the container uses " + bytes_text(action.used_bytes) +
                " with a soft limit of " + bytes_text(action.limit_bytes);
    } else {
        text += ", and its MEMORY is " + bytes_text(action.limit_bytes);
    }
    switch (action.kind) {
        case Kind::signal:
            return text + ": sending it " + config::format_signal(worker.on_memory.signal);
        case Kind::restart: return text + ": restarting it";
        case Kind::warn: return text + ", which nothing here enforces: raise it, or set ON_MEMORY";
        case Kind::withheld:
            return text + ": not restarting it again, as that was done too often already";
    }
    return text;
}

}  // namespace

MemoryWatch::MemoryWatch(MemoryWatchParts parts)
    : parts_(std::move(parts)),
      needed_(std::any_of(parts_.configuration.workers.begin(), parts_.configuration.workers.end(),
                          [](const auto& worker) { return watches(worker.settings); })),
      guard_(parts_.supervisor.workers().size()),
      workers_(parts_.supervisor.workers().size()),
      exact_(workers_.size()),
      counts_(workers_.size()) {}

MemoryWatch::Counts MemoryWatch::counts(std::size_t worker) const {
    const std::lock_guard lock(mutex_);
    return counts_[worker];
}

// The fullest level that has a limit decides, with the soft part of that limit.
MemoryWatch::Container MemoryWatch::measure_container(const LimitsSnapshot& limits) {
    Container container;
    container.soft_bytes = limits.derived.soft_limit_bytes;
    const cgroup::Usage usage = parts_.limits.usage();
    container.used_bytes = usage.memory.working_set_bytes().value_or(0);
    const auto fullest = cgroup::headroom(usage);
    if (!fullest || !container.soft_bytes) return container;
    container.used_bytes = fullest->working_set_bytes;
    const cgroup::DerivePolicy policy = derive_policy(parts_.configuration.settings);
    if (policy.memory == cgroup::DerivePolicy::Memory::share) {
        const std::uint64_t soft = cgroup::share_of(fullest->limit_bytes, policy.memory_share);
        // memory.high may be lower, at whatever level.
        const auto& high = limits.limits.memory.high_bytes;
        container.soft_bytes = high ? std::min(soft, *high) : soft;
    }
    return container;
}

void MemoryWatch::measure_workers(bool all, std::chrono::steady_clock::time_point now) {
    const auto& workers = parts_.supervisor.workers();
    std::vector<pid_t> pids(workers.size(), -1);
    for (std::size_t at = 0; at < workers.size(); ++at) {
        GuardedWorker& guarded = workers_[at];
        if (!guarded.runs || !(all || guarded.own_bytes)) continue;
        const auto counted =
            parts_.group_bytes ? parts_.group_bytes(*workers[at]) : std::optional<std::uint64_t>();
        if (counted) {
            guarded.resident_bytes = *counted;
            guarded.own_bytes.reset();  // the kernel sees to that
        } else if (workers[at]->is_hosted()) {
            guarded.resident_bytes = core::heap_in_use_bytes();
        } else {
            pids[at] = workers[at]->status().pid;
        }
    }
    const std::vector<TreeMemory> trees = memory_of_trees(pids);
    for (std::size_t at = 0; at < workers.size(); ++at) {
        GuardedWorker& guarded = workers_[at];
        if (pids[at] <= 0) continue;
        guarded.resident_bytes = trees[at].resident_bytes;
        // Over its own by an upper bound: what forked children share must not count against it.
        if (!guarded.own_bytes || guarded.resident_bytes <= *guarded.own_bytes) continue;
        Exact& exact = exact_[at];
        if (exact.run != guarded.run || now - exact.at >= kExactFor)
            exact = {now, guarded.run,
                     proportional_bytes(trees[at].processes).value_or(guarded.resident_bytes)};
        guarded.resident_bytes = std::min(guarded.resident_bytes, exact.bytes);
    }
}

void MemoryWatch::look(std::chrono::steady_clock::time_point now, bool pressed) {
    if (!needed_ || parts_.supervisor.shutting_down()) return;
    const std::lock_guard lock(mutex_);
    const LimitsSnapshot limits = parts_.limits.snapshot();
    const Container container = measure_container(limits);
    const auto& workers = parts_.supervisor.workers();
    bool any_own = false;
    for (std::size_t at = 0; at < workers.size(); ++at) {
        const config::WorkerSettings& settings = workers[at]->settings();
        const WorkerStatus status = workers[at]->status();
        GuardedWorker& guarded = workers_[at];
        guarded = {};
        guarded.reaction = settings.on_memory.kind;
        guarded.may_restart = settings.restart != config::RestartPolicy::never;
        guarded.runs = status.up &&
                       (status.state == WorkerState::running || status.state == WorkerState::ready);
        guarded.is_ending = status.state == WorkerState::stopping;
        guarded.run = status.starts;
        guarded.own_bytes = limits.budgets->workers[at].memory_bytes;
        any_own |= guarded.own_bytes.has_value() && guarded.runs;
    }
    const bool all = guard_.wants_sizes(container.used_bytes, container.soft_bytes);
    if (all || any_own) measure_workers(all, now);
    GuardLook look;
    look.now = now;
    look.working_set_bytes = container.used_bytes;
    look.soft_bytes = container.soft_bytes;
    look.pressed = pressed;
    look.workers = workers_;
    for (const GuardAction& action : guard_.look(look)) carry_out(action);
}

void MemoryWatch::carry_out(const GuardAction& action) {
    Worker& worker = *parts_.supervisor.workers()[action.worker];
    const config::WorkerSettings& settings = worker.settings();
    if (action.kind == Kind::signal || action.kind == Kind::restart) {
        if (!react(worker, settings.on_memory, "memory")) return;  // it has ended meanwhile
    }
    ++counts_[action.worker][static_cast<std::size_t>(action.kind)];
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
