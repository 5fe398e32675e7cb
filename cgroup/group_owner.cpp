#include "cgroup/group_owner.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <map>
#include <memory>

#include "cgroup/child_group.h"
#include "cgroup/group_files.h"
#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

constexpr std::string_view kPrefix = "pilotfish.";

// The kernel needs some milliseconds to take a killed process away; who takes longer hangs in a
// system call, and is left to the next start. Chosen, not measured.
constexpr std::chrono::milliseconds kPatience{500};

std::vector<std::string> names_in(const std::string& directory) {
    std::vector<std::string> names;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(directory.c_str()), closedir);
    if (!folder) return names;
    while (const dirent* entry = readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (name.starts_with(kPrefix)) names.emplace_back(name);
    }
    return names;
}

}  // namespace

std::optional<GroupOwner> this_owner(const StartTimeOf& start_time_of) {
    struct stat info{};
    if (stat("/proc/self/ns/pid", &info) != 0) return std::nullopt;
    const auto start = start_time_of(getpid());
    if (!start) return std::nullopt;
    return GroupOwner{info.st_ino, getpid(), *start};
}

std::string group_name(std::string_view worker, const GroupOwner& owner) {
    return std::string(kPrefix) + std::string(worker) + "." + std::to_string(owner.pid_namespace) +
           "-" + std::to_string(owner.pid) + "-" + std::to_string(owner.start_ticks);
}

std::optional<GroupOwner> owner_in(std::string_view name) {
    if (!name.starts_with(kPrefix)) return std::nullopt;
    name.remove_prefix(kPrefix.size());
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) return std::nullopt;
    name.remove_prefix(dot + 1);
    const std::size_t first = name.find('-');
    const std::size_t second = first == name.npos ? first : name.find('-', first + 1);
    if (second == name.npos) return std::nullopt;
    const auto space = parse_number(name.substr(0, first));
    const auto pid = parse_number<pid_t>(name.substr(first + 1, second - first - 1));
    const auto start = parse_number(name.substr(second + 1));
    if (!space || !pid || *pid <= 0 || !start) return std::nullopt;
    return GroupOwner{*space, *pid, *start};
}

OwnerState state_of(const GroupOwner& owner, const GroupOwner& us,
                    const StartTimeOf& start_time_of) {
    if (owner.pid_namespace != us.pid_namespace) return OwnerState::unseen;
    if (const auto start = start_time_of(owner.pid)) {
        return *start == owner.start_ticks ? OwnerState::alive : OwnerState::dead;
    }
    // /proc may hide the processes of others (hidepid), the kernel itself does not.
    return kill(owner.pid, 0) != 0 && errno == ESRCH ? OwnerState::dead : OwnerState::unseen;
}

StaleGroups remove_stale_groups(const std::vector<GroupParent>& parents, const GroupOwner& us,
                                const StartTimeOf& start_time_of) {
    StaleGroups result;
    // A group has a directory in each hierarchy, all of one name.
    std::map<std::string, std::vector<GroupParent>> groups;
    for (const GroupParent& parent : parents) {
        for (std::string& name : names_in(parent.directory))
            groups[std::move(name)].push_back(parent);
    }
    for (const auto& [name, places] : groups) {
        const auto owner = owner_in(name);
        if (!owner) continue;
        const OwnerState state = state_of(*owner, us, start_time_of);
        if (state == OwnerState::alive) continue;
        if (state == OwnerState::unseen) {
            const std::size_t before = result.removed.size();
            for (const GroupParent& place : places) {
                const std::string directory = place.directory + "/" + name;
                if (remove_groups(directory) == 0) result.removed.push_back(directory);
            }
            if (result.removed.size() > before) ++result.unseen_groups;
            continue;
        }
        const auto group = ChildGroup::create(places, name, {});
        if (!group) continue;
        result.killed += static_cast<int>(group->processes().size());
        group->kill_all();
        if (auto removed = group->remove(kPatience); !removed) {
            result.problems.push_back(removed.error().message);
            continue;
        }
        ++result.groups;
        for (const GroupPlace& place : group->places()) result.removed.push_back(place.directory);
    }
    return result;
}

}  // namespace pilotfish::cgroup
