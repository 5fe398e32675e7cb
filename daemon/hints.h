// The right-sizing variables of one worker of this container: daemon/rightsize.h with its request
// filled in.
//
// Any thread. Opens the worker's program to learn its runtime (daemon/program.h); blocks on that
// alone. Fails: never; what cannot be told is not hinted.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "core/limits.h"
#include "daemon/budgets.h"
#include "daemon/rightsize.h"

namespace pilotfish::daemon {

// What a worker finds around it; borrowed for the call.
struct WorkerSurroundings {
    // What it will be started with; a variable set there is never hinted.
    const std::vector<std::string>& environment;
    const core::Limits& limits;
    const Budgets& budgets;        // made of the configuration and these limits
    const std::string& directory;  // where it starts without a CWD setting; empty: here
    OwnGroup own_group;            // of its next run
};

Rightsizing worker_hints(const config::Configuration& configuration,
                         const config::WorkerSettings& worker, const WorkerSurroundings& around);

// Which runtime its command is.
Program worker_program(const config::WorkerSettings& worker,
                       const std::vector<std::string>& environment, const std::string& directory);

}  // namespace pilotfish::daemon
