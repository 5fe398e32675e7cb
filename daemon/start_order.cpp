#include "daemon/start_order.h"

#include <unordered_map>
#include <utility>

namespace pilotfish::daemon {

StartOrder::StartOrder(const std::vector<const config::WorkerSettings*>& workers)
    : members_(workers.size()) {
    std::unordered_map<std::string_view, std::size_t> group_of;
    for (std::size_t at = 0; at < workers.size(); ++at) {
        const auto [known, is_new] =
            group_of.try_emplace(config::declared_name(*workers[at]), groups_.size());
        if (is_new) groups_.emplace_back();
        members_[at].group = known->second;
        Group& group = groups_[known->second];
        group.members.push_back(at);
        ++group.not_started;
        ++group.not_ready;
        ++group.not_over;
    }
    for (std::size_t at = 0; at < groups_.size(); ++at) {
        const config::WorkerSettings& settings = *workers[groups_[at].members.front()];
        const auto join = [&](const config::Names& names, bool is_need) {
            for (const std::string& name : names) {
                const auto other = group_of.find(name);
                if (other == group_of.end()) continue;
                groups_[other->second].followers.push_back({at, is_need});
                groups_[at].predecessors.push_back({other->second, is_need});
                ++groups_[at].open;
                ++groups_[other->second].followers_not_over;
            }
        };
        join(settings.after, false);
        join(settings.needs, true);
    }
    for (Group& group : groups_) offer_stop(group);
}

void StartOrder::note(std::size_t worker, const Standing& now) {
    Member& member = members_[worker];
    const Standing before = std::exchange(member.standing, now);
    if (before == now) return;
    Group& group = groups_[member.group];
    count(group, before, now);
    if (now.waits && !before.waits) look_at(group);
}

// Brings the group's counts up to date, and those of its neighbours where it now stands otherwise.
void StartOrder::count(Group& group, const Standing& before, const Standing& now) {
    const auto passes = [](const Standing& standing) {
        return standing.has_started || standing.is_over;
    };
    const bool started_before = group.not_started == 0;
    const bool ready_before = group.not_ready == 0;
    const bool over_before = group.not_over == 0;
    const bool lost_before = group.lost != 0;
    group.not_started += std::size_t{passes(before)} - std::size_t{passes(now)};
    group.not_ready += std::size_t{before.is_ready} - std::size_t{now.is_ready};
    group.not_over += std::size_t{before.is_over} - std::size_t{now.is_over};
    group.lost += std::size_t{now.is_lost} - std::size_t{before.is_lost};
    const bool started = group.not_started == 0;
    const bool ready = group.not_ready == 0;
    const bool lost = group.lost != 0;
    if (started != started_before || ready != ready_before || lost != lost_before) {
        for (const Edge& edge : group.followers) {
            Group& follower = groups_[edge.group];
            const bool was_open = edge.is_need ? !ready_before : !started_before;
            const bool is_open = edge.is_need ? !ready : !started;
            follower.open += std::size_t{is_open} - std::size_t{was_open};
            if (edge.is_need) follower.in_vain += std::size_t{lost} - std::size_t{lost_before};
            look_at(follower);
        }
    }
    const bool over = group.not_over == 0;
    if (over == over_before) return;
    for (const Edge& edge : group.predecessors) {
        Group& predecessor = groups_[edge.group];
        predecessor.followers_not_over += std::size_t{over_before} - std::size_t{over};
        offer_stop(predecessor);
    }
}

void StartOrder::look_at(Group& group) {
    if (group.open != 0 && group.in_vain == 0) return;
    for (const std::size_t at : group.members) {
        Member& member = members_[at];
        bool& is_listed = group.open == 0 ? member.is_free : member.is_in_vain;
        if (!member.standing.waits || std::exchange(is_listed, true)) continue;
        (group.open == 0 ? free_ : in_vain_).push_back(at);
    }
}

void StartOrder::offer_stop(Group& group) {
    if (group.followers_not_over != 0) return;
    for (const std::size_t at : group.members) {
        if (std::exchange(members_[at].stoppable, true)) continue;
        stoppable_.push_back(at);
    }
}

std::optional<std::size_t> StartOrder::take_free() {
    while (!free_.empty()) {
        const std::size_t worker = free_.front();
        free_.pop_front();
        Member& member = members_[worker];
        member.is_free = false;
        // What it waited for may have gone meanwhile.
        if (!member.standing.waits || groups_[member.group].open != 0) continue;
        member.standing.waits = false;
        return worker;
    }
    return std::nullopt;
}

std::optional<StartOrder::InVain> StartOrder::take_in_vain() {
    while (!in_vain_.empty()) {
        const std::size_t worker = in_vain_.front();
        in_vain_.pop_front();
        Member& member = members_[worker];
        member.is_in_vain = false;
        if (!member.standing.waits) continue;
        const auto need = lost_need(groups_[member.group]);
        if (!need) continue;
        member.standing.waits = false;
        return InVain{worker, *need};
    }
    return std::nullopt;
}

std::optional<std::size_t> StartOrder::lost_need(const Group& group) const {
    for (const Edge& edge : group.predecessors) {
        if (!edge.is_need) continue;
        for (const std::size_t need : groups_[edge.group].members)
            if (members_[need].standing.is_lost) return need;
    }
    return std::nullopt;
}

std::optional<std::size_t> StartOrder::take_stoppable() {
    while (!stoppable_.empty()) {
        const std::size_t worker = stoppable_.front();
        stoppable_.pop_front();
        // Somebody who comes after it may have been started since.
        if (groups_[members_[worker].group].followers_not_over == 0) return worker;
        members_[worker].stoppable = false;
    }
    return std::nullopt;
}

}  // namespace pilotfish::daemon
