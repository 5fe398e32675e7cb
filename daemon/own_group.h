// What a child group of the worker's own changes for a runtime that looks at its own group alone:
// there it finds a cap that is in force, and finds no more what the container's group says.
//
// Plain values and a pure function; any thread, never blocks, never fails.
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "cgroup/child_group.h"
#include "core/limits.h"

namespace pilotfish::daemon {

// All false: it stands where the daemon does, in the container's own group.
struct OwnGroup {
    // Its group has the controller, and the kernel took the worker's CPU or MEMORY.
    bool cpu_cap_in_force = false;
    bool memory_cap_in_force = false;
    // In the hierarchy that has the container's limit it stands below the container's group, so
    // that this limit is an ancestor's.
    bool is_below_for_cpu = false;
    bool is_below_for_memory = false;
    bool operator==(const OwnGroup&) const = default;
};

// Does a group of these directories have the files of that controller?
inline bool has_controller(const std::vector<cgroup::GroupPlace>& places,
                           std::string_view controller) {
    return std::any_of(places.begin(), places.end(), [&](const cgroup::GroupPlace& place) {
        return std::find(place.controllers.begin(), place.controllers.end(), controller) !=
               place.controllers.end();
    });
}

// Where a worker in such a group stands, with no cap yet. On v2 a process is in one group for all
// controllers, those included that were not handed down; on v1 in one for each.
inline OwnGroup without_caps(const std::vector<cgroup::GroupPlace>& places,
                             const core::Limits& limits) {
    const bool in_v2 = std::any_of(places.begin(), places.end(),
                                   [](const auto& place) { return place.version == 2; });
    OwnGroup own;
    own.is_below_for_cpu = has_controller(places, "cpu") || (in_v2 && limits.cpu.version == 2);
    own.is_below_for_memory =
        has_controller(places, "memory") || (in_v2 && limits.memory.version == 2);
    return own;
}

}  // namespace pilotfish::daemon
