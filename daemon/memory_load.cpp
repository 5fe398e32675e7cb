#include "daemon/memory_load.h"

#include <algorithm>

namespace pilotfish::daemon {
namespace {

std::optional<std::uint64_t> soft_of(const cgroup::MemoryLevelUsage& level, double share) {
    if (!level.limit_bytes) return level.high_bytes;
    const std::uint64_t soft = cgroup::share_of(*level.limit_bytes, share);
    return level.high_bytes ? std::min(soft, *level.high_bytes) : soft;
}

void keep_nearer(MemoryNearness& nearest, std::optional<std::uint64_t> used,
                 std::optional<std::uint64_t> soft) {
    if (!used || !soft) return;
    const MemoryNearness here{*used, soft};
    if (!nearest.soft_bytes || here.load() > nearest.load()) nearest = here;
}

}  // namespace

double MemoryNearness::load() const {
    if (!soft_bytes) return 0;
    // A limit of nothing is legal, and reached whatever is used.
    if (*soft_bytes == 0) return 1;
    return static_cast<double>(used_bytes) / static_cast<double>(*soft_bytes);
}

MemoryLoad memory_load(const cgroup::Usage& usage, const core::DerivedLimits& derived,
                       const cgroup::DerivePolicy& policy) {
    MemoryLoad load;
    if (!derived.soft_limit_bytes) return load;
    const auto offer = [&load](std::optional<std::uint64_t> working_set,
                               std::optional<std::uint64_t> firm,
                               std::optional<std::uint64_t> soft) {
        keep_nearer(load.working_set, working_set, soft);
        keep_nearer(load.firm, firm ? firm : working_set, soft);
    };
    if (policy.memory == cgroup::DerivePolicy::Memory::size) {
        offer(usage.memory.working_set_bytes(), usage.memory.firm_bytes(),
              derived.soft_limit_bytes);
        return load;
    }
    for (const cgroup::MemoryLevelUsage& level : usage.memory_levels)
        offer(level.working_set_bytes, level.firm_bytes, soft_of(level, policy.memory_share));
    return load;
}

}  // namespace pilotfish::daemon
