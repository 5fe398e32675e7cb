// How near the container is to its memory limit: the fullest of all levels that have one, each
// measured against its own limit. What the own group uses divided by an ancestor's limit says
// nothing: the ancestor's other members use it too (dotnet/runtime#113193).
//
//     const auto near = cgroup::headroom(limits.usage());
//     if (near && near->load > 0.9) ...
//
// Any thread; plain values. Never blocks. Fails: nullopt where no level has a limit or none tells
// what it uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cgroup/usage.h"

namespace pilotfish::cgroup {

struct Headroom {
    // working_set_bytes / limit_bytes; 1: full. The kernel reclaims page cache first, so it is
    // what cannot be given up that is compared: usage - inactive_file.
    double load = 0;
    std::uint64_t working_set_bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::string source;  // the file that says the limit: which level it is
    // The level itself is hidden: this is our own share of it, and its load is at least this.
    bool at_least = false;

    std::uint64_t left_bytes() const {
        return limit_bytes > working_set_bytes ? limit_bytes - working_set_bytes : 0;
    }
};

std::optional<Headroom> headroom(const Usage& usage);

}  // namespace pilotfish::cgroup
