// What a reload asks of the supervisor: who leaves, who comes, and who comes in whose place.
//
// A plain value that owns its text; any thread.
#pragma once

#include <vector>

#include "config/difference.h"
#include "config/load.h"

namespace pilotfish::daemon {

struct WorkerChanges {
    config::Names leave;  // for good
    // Added ones; and in the place of the one of that name, when it has ended.
    std::vector<config::WorkerSettings> come;
    config::Names order;  // of all who are left then
};

WorkerChanges worker_changes(const config::Difference& difference,
                             const config::Configuration& now);

}  // namespace pilotfish::daemon
