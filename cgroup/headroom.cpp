#include "cgroup/headroom.h"

namespace pilotfish::cgroup {

std::optional<Headroom> headroom(const Usage& usage) {
    std::optional<Headroom> fullest;
    for (const MemoryLevelUsage& level : usage.memory_levels) {
        if (!level.working_set_bytes || !level.limit_bytes) continue;
        Headroom here;
        here.working_set_bytes = *level.working_set_bytes;
        here.limit_bytes = *level.limit_bytes;
        // A limit of nothing is legal, and full whatever is used.
        here.load = here.limit_bytes == 0 ? 1.0
                                          : static_cast<double>(here.working_set_bytes) /
                                                static_cast<double>(here.limit_bytes);
        here.source = level.source;
        here.at_least = level.is_own_share;
        if (!fullest || here.load > fullest->load) fullest = std::move(here);
    }
    return fullest;
}

}  // namespace pilotfish::cgroup
