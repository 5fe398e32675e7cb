// How near the container is to its soft memory limit: the level where it is nearest, each level's
// use compared with the soft part of that level's own limit. The least limit of all beside the use
// of another level would say nothing.
//
//     const MemoryLoad load = memory_load(usage, limits.derived, policy);
//     if (load.working_set.soft_bytes) ...
//
// By PILOTFISH_MEMLIMIT=<size> it is the own group alone that is compared, as the size says nothing
// of what others use at levels above.
//
// Any thread; plain values, pure. Never blocks. Fails: soft_bytes is nullopt where there is no soft
// limit or no level tells what it uses. Sizes in bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "cgroup/derive.h"
#include "cgroup/usage.h"
#include "core/limits.h"

namespace pilotfish::daemon {

// Of one level.
struct MemoryNearness {
    std::uint64_t used_bytes = 0;
    std::optional<std::uint64_t> soft_bytes;  // nullopt: nothing to be near to
    bool operator==(const MemoryNearness&) const = default;

    double load() const;  // 1: full; 0 without a soft limit
};

struct MemoryLoad {
    MemoryNearness working_set;  // usage less inactive page cache
    // Usage less all page cache; the working set where the kernel does not tell it. May be of
    // another level.
    MemoryNearness firm;
};

MemoryLoad memory_load(const cgroup::Usage& usage, const core::DerivedLimits& derived,
                       const cgroup::DerivePolicy& policy);

}  // namespace pilotfish::daemon
