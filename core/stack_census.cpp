#include "core/stack_census.h"

#include <bit>
#include <cstdio>
#include <functional>

#include "core/stack_dump.h"

namespace pilotfish::core {

static std::uintptr_t address_of(const std::source_location& where) {
    return std::bit_cast<std::uintptr_t>(where);
}

StackCensus StackCensus::take(Of of) {
    StackCensus out;
    const std::uint64_t left_out = of == Of::others && tls.task ? tls.task->id : 0;
    Key key;
    for_each_task([&](const TaskInfo& task) {
        if (task.id == left_out) return true;
        key.first.clear();
        for (int i = 0; i < task.depth; ++i)
            key.first.push_back(address_of(task.frames[static_cast<std::size_t>(i)]));
        key.second.clear();
        if (task.tags && !task.tags->labels.empty()) append_labels(key.second, *task.tags);
        StackGroup& group = out.groups_[key];
        if (group.count++ == 0) {
            group.frames.assign(task.frames.begin(), task.frames.begin() + task.depth);
            group.labels = key.second;
        }
        ++out.total_;
        return true;
    });
    return out;
}

namespace {
// Greatest first, equals in the order they came.
template <class T>
using Ranking = std::multimap<std::uint64_t, T, std::greater<>>;

template <class T>
std::vector<T> in_order(Ranking<T> ranking) {
    std::vector<T> out;
    out.reserve(ranking.size());
    for (auto& [rank, item] : ranking) out.push_back(std::move(item));
    return out;
}
}  // namespace

std::vector<StackGroup> StackCensus::groups() const {
    Ranking<StackGroup> ranking;
    for (const auto& [key, group] : groups_) ranking.emplace(group.count, group);
    return in_order(std::move(ranking));
}

std::vector<StackGrowth> StackCensus::growth_since(const StackCensus& before) const {
    Ranking<StackGrowth> ranking;
    for (const auto& [key, group] : groups_) {
        const auto old = before.groups_.find(key);
        const std::uint64_t count = old == before.groups_.end() ? 0 : old->second.count;
        if (group.count > count) ranking.emplace(group.count - count, StackGrowth{count, group});
    }
    return in_order(std::move(ranking));
}

void append_frames(std::string& out, const StackGroup& group) {
    char hex[32];
    for (const std::source_location& frame : group.frames) {
        std::string room;
        std::snprintf(hex, sizeof hex, "#\t%#zx\t", address_of(frame));
        out.append(hex).append(function_of(frame, room)).append("\t");
        out.append(frame.file_name()).append(":").append(std::to_string(frame.line()));
        out.append("\n");
    }
}

std::string grouped_stacks() {
    const StackCensus census = StackCensus::take();
    std::string out = "goroutine profile: total " + std::to_string(census.total()) + "\n";
    char hex[32];
    for (const StackGroup& group : census.groups()) {
        out.append(std::to_string(group.count)).append(" @");
        for (const std::source_location& frame : group.frames) {
            std::snprintf(hex, sizeof hex, " %#zx", address_of(frame));
            out.append(hex);
        }
        out.append("\n");
        if (!group.labels.empty()) out.append("# labels: ").append(group.labels).append("\n");
        append_frames(out, group);
        out.append("\n");
    }
    return out;
}

}  // namespace pilotfish::core
