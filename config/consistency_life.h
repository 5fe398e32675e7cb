// What KIND, SCHEDULE, NEEDS, AFTER, RESTART and INSTANCES of the workers say about each other.
//
// Any thread, never blocks. Faults are appended to errors.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace pilotfish::config {

void check_life(const WorkerConfiguration& worker, const Configuration& configuration,
                std::vector<std::string>& errors);

}  // namespace pilotfish::config
