// Whose a child group is: its name says which worker's and which daemon's, so that a later daemon
// knows the groups of one that was killed, ends who is left in them and removes them.
//
// A process is named by its PID namespace, its pid and its start time: a pid alone may be reused,
// and one namespace's pid 7 is not another's. Any thread; plain values. Blocks as cgroupfs and
// /proc do. Fails: never; what cannot be told is left alone.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/group_parent.h"

namespace pilotfish::cgroup {

// The start time of a process of our PID namespace, in clock ticks after boot; nullopt: not there,
// or /proc does not show it.
using StartTimeOf = std::function<std::optional<std::uint64_t>(pid_t)>;

struct GroupOwner {
    std::uint64_t pid_namespace = 0;  // inode of /proc/self/ns/pid
    pid_t pid = 0;
    std::uint64_t start_ticks = 0;
    bool operator==(const GroupOwner&) const = default;
};

// nullopt: /proc does not tell who we are, and groups of ours could not be told from others'.
std::optional<GroupOwner> this_owner(const StartTimeOf& start_time_of);

// "pilotfish.web-api.4026531836-17-84211"
std::string group_name(std::string_view worker, const GroupOwner& owner);
// nullopt: no name of ours.
std::optional<GroupOwner> owner_in(std::string_view name);

// unseen: of another PID namespace, or hidden from us. It may live.
enum class OwnerState : std::uint8_t { alive, dead, unseen };
OwnerState state_of(const GroupOwner& owner, const GroupOwner& us,
                    const StartTimeOf& start_time_of);

struct StaleGroups {
    std::vector<std::string> removed;  // directories; a group has one in each hierarchy
    int groups = 0;                    // of dead owners
    int unseen_groups = 0;             // empty ones of owners that are not seen
    int killed = 0;                    // processes that had lost their supervisor
    std::vector<std::string> problems;
};
// Removes the groups of dead owners, and whoever is in them: they were to end with their
// supervisor. Of an owner that is not seen an empty group is removed, too: should that owner live,
// it makes the group again at its worker's next start. Nobody of such a group is killed.
StaleGroups remove_stale_groups(const std::vector<GroupParent>& parents, const GroupOwner& us,
                                const StartTimeOf& start_time_of);

}  // namespace pilotfish::cgroup
