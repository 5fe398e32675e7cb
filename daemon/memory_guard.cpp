#include "daemon/memory_guard.h"

#include <algorithm>
#include <utility>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

using Kind = GuardAction::Kind;
using Cause = GuardAction::Cause;
using Reaction = config::Reaction::Kind;

double load_of(std::uint64_t used, std::uint64_t limit) {
    // A limit of nothing is legal, and reached whatever is used.
    return limit == 0 ? 1.0 : static_cast<double>(used) / static_cast<double>(limit);
}

void forget_before(std::deque<MemoryGuard::TimePoint>& times, MemoryGuard::TimePoint oldest) {
    while (!times.empty() && times.front() <= oldest) times.pop_front();
}

}  // namespace

std::string_view name_of(GuardAction::Kind kind) noexcept {
    switch (kind) {
        case Kind::signal: return "signal";
        case Kind::restart: return "restart";
        case Kind::warn: return "warn";
        case Kind::withheld: return "withheld";
    }
    return "";
}

MemoryGuard::MemoryGuard(std::size_t workers, GuardPolicy policy)
    : policy_(policy), memories_(workers), restart_pause_(policy.settle) {}

bool MemoryGuard::wants_sizes(std::uint64_t working_set_bytes,
                              std::optional<std::uint64_t> soft_bytes) const {
    if (!soft_bytes) return false;
    const double from = watching_ ? policy_.watch_from - policy_.rearm : policy_.watch_from;
    return load_of(working_set_bytes, *soft_bytes) >= from;
}

std::vector<GuardAction> MemoryGuard::look(const GuardLook& look) {
    PF_CHECK(look.workers.size() == memories_.size(), "the guard knows other workers");
    std::vector<GuardAction> actions;
    acts_ = may_act(look);
    for (std::size_t at = 0; at < look.workers.size(); ++at) mind_own(look, at, actions);
    if (!look.soft_bytes) {
        watching_ = near_ = false;
        return actions;
    }
    const double load = load_of(look.working_set_bytes, *look.soft_bytes);
    watch_growth(look, load);
    mind_container(look, load, actions);
    return actions;
}

void MemoryGuard::follow(std::span<const std::optional<std::size_t>> old_places) {
    std::vector<Memory> memories(old_places.size());
    for (std::size_t at = 0; at < old_places.size(); ++at)
        if (old_places[at]) memories[at] = std::move(memories_[*old_places[at]]);
    memories_ = std::move(memories);
}

// One at a time, and each is given time to help; what one that is ending gives up is not known yet.
bool MemoryGuard::may_act(const GuardLook& look) const {
    if (acted_ && look.now - *acted_ < policy_.settle) return false;
    return std::none_of(look.workers.begin(), look.workers.end(),
                        [](const GuardedWorker& worker) { return worker.is_ending; });
}

void MemoryGuard::judge_last_restart(TimePoint now, double firm_load) {
    if (!load_at_restart_ || now - *restarted_ < policy_.settle) return;
    const bool helped = firm_load <= *load_at_restart_ - policy_.rearm;
    restart_pause_ = helped ? policy_.settle : std::min(restart_pause_ * 2, policy_.longest_settle);
    load_at_restart_.reset();
}

void MemoryGuard::watch_growth(const GuardLook& look, double load) {
    if (!wants_sizes(look.working_set_bytes, look.soft_bytes)) {
        watching_ = false;
        return;
    }
    const bool first = !watching_;
    watching_ = true;
    for (std::size_t at = 0; at < look.workers.size(); ++at) {
        const GuardedWorker& worker = look.workers[at];
        Memory& memory = memories_[at];
        if (first || !memory.watched || memory.run != worker.run) {
            // Near at the first look: whatever grew did so unseen, and all it has may be that.
            const bool unseen = first && load >= policy_.signal_from;
            memory.older_bytes = unseen ? 0 : worker.resident_bytes;
            memory.newer_bytes = worker.resident_bytes;
            memory.newer_at = look.now;
            memory.run = worker.run;
            memory.watched = true;
        } else if (look.now - memory.newer_at >= policy_.growth_window) {
            memory.older_bytes = memory.newer_bytes;
            memory.newer_bytes = worker.resident_bytes;
            memory.newer_at = look.now;
        }
    }
}

std::uint64_t MemoryGuard::growth(const GuardedWorker& worker, const Memory& memory) const {
    if (!watching_ || worker.resident_bytes <= memory.older_bytes) return 0;
    return worker.resident_bytes - memory.older_bytes;
}

bool MemoryGuard::may_restart_now(Memory& memory, TimePoint now) {
    forget_before(memory.restarts, now - policy_.restart_window);
    forget_before(restarts_, now - policy_.restart_window);
    return memory.restarts.size() < policy_.restarts_of_one &&
           restarts_.size() < policy_.restarts_of_all;
}

void MemoryGuard::mind_container(const GuardLook& look, double load,
                                 std::vector<GuardAction>& actions) {
    const bool has_firm = look.firm_bytes && look.firm_soft_bytes;
    const double firm_load = has_firm ? load_of(*look.firm_bytes, *look.firm_soft_bytes) : load;
    judge_last_restart(look.now, firm_load);
    if (load < policy_.signal_from - policy_.rearm) near_ = told_withheld_ = false;
    if (load < policy_.signal_from) return;
    near_ = true;
    if (!acts_) return;
    // What a restart is for, and is told with it.
    const bool by_firm = has_firm && !look.pressed;
    const std::uint64_t used = by_firm ? *look.firm_bytes : look.working_set_bytes;
    const std::uint64_t soft = by_firm ? *look.firm_soft_bytes : *look.soft_bytes;
    const bool restarts = firm_load >= policy_.restart_from || look.pressed;
    const bool too_soon = restarted_ && look.now - *restarted_ < restart_pause_;
    const double worth = policy_.worth * static_cast<double>(*look.soft_bytes);

    std::vector<std::size_t> order;
    for (std::size_t at = 0; at < look.workers.size(); ++at) {
        const GuardedWorker& worker = look.workers[at];
        const Memory& memory = memories_[at];
        if (!worker.runs) continue;
        const bool signals =
            worker.reaction == Reaction::signal &&
            (!memory.signalled || look.now - *memory.signalled >= policy_.signal_pause);
        const bool may_go = worker.reaction == Reaction::restart && worker.may_restart &&
                            restarts && static_cast<double>(worker.resident_bytes) >= worth;
        if (signals || may_go) order.push_back(at);
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        const std::uint64_t grown_a = growth(look.workers[a], memories_[a]);
        const std::uint64_t grown_b = growth(look.workers[b], memories_[b]);
        if (grown_a != grown_b) return grown_a > grown_b;
        const std::uint64_t held_a = look.workers[a].resident_bytes;
        const std::uint64_t held_b = look.workers[b].resident_bytes;
        return held_a != held_b ? held_a > held_b : a < b;
    });

    std::optional<GuardAction> withheld;
    for (const std::size_t at : order) {
        const GuardedWorker& worker = look.workers[at];
        const bool signals = worker.reaction == Reaction::signal;
        GuardAction action{.kind = signals ? Kind::signal : Kind::restart,
                           .cause = Cause::container,
                           .worker = at,
                           .used_bytes = signals ? look.working_set_bytes : used,
                           .limit_bytes = signals ? *look.soft_bytes : soft,
                           .resident_bytes = worker.resident_bytes,
                           .grown_bytes = growth(worker, memories_[at])};
        if (action.kind == Kind::restart && !may_restart_now(memories_[at], look.now)) {
            action.kind = Kind::withheld;
            if (!withheld) withheld = action;
            continue;
        }
        if (action.kind == Kind::restart && too_soon) continue;
        if (action.kind == Kind::restart) {
            restarted_ = look.now;
            load_at_restart_ = firm_load;
        }
        return act(action, look.now, actions);
    }
    if (withheld && !std::exchange(told_withheld_, true)) actions.push_back(*withheld);
}

void MemoryGuard::mind_own(const GuardLook& look, std::size_t at,
                           std::vector<GuardAction>& actions) {
    const GuardedWorker& worker = look.workers[at];
    Memory& memory = memories_[at];
    if (!worker.own_bytes || !worker.runs) {
        memory.told_own = false;
        return;
    }
    const double load = load_of(worker.resident_bytes, *worker.own_bytes);
    const double from = worker.is_capped ? policy_.capped_from : 1.0;
    if (load < from - policy_.rearm) memory.told_own = false;
    if (load <= from) return;
    GuardAction action{.kind = Kind::warn,
                       .cause = Cause::own_memory,
                       .worker = at,
                       .used_bytes = worker.resident_bytes,
                       .limit_bytes = *worker.own_bytes,
                       .resident_bytes = worker.resident_bytes,
                       .grown_bytes = growth(worker, memory)};
    if (worker.reaction == Reaction::signal) {
        if (memory.signalled && look.now - *memory.signalled < policy_.signal_pause) return;
        if (!acts_) return;
        action.kind = Kind::signal;
        return act(action, look.now, actions);
    }
    if (worker.reaction == Reaction::restart && worker.may_restart) {
        if (!acts_) return;
        if (may_restart_now(memory, look.now)) {
            action.kind = Kind::restart;
            return act(action, look.now, actions);
        }
        action.kind = Kind::withheld;
    }
    // What is capped needs no warning: the kernel keeps it where it is.
    if (action.kind == Kind::warn && worker.is_capped) return;
    if (!std::exchange(memory.told_own, true)) actions.push_back(action);
}

void MemoryGuard::act(GuardAction action, TimePoint now, std::vector<GuardAction>& actions) {
    Memory& memory = memories_[action.worker];
    acted_ = now;
    acts_ = false;
    if (action.kind == Kind::signal) {
        memory.signalled = now;
    } else {
        memory.restarts.push_back(now);
        restarts_.push_back(now);
        // It begins anew, and so does what it is measured from.
        memory.watched = false;
        memory.told_own = false;
    }
    actions.push_back(action);
}

}  // namespace pilotfish::daemon
