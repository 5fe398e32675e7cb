// What single values cannot tell: settings that contradict each other, workers that wait in a
// circle, and stop timeouts that do not fit into the whole.
//
// Any thread, never blocks. Faults are appended to errors, doubts to configuration.warnings.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace pilotfish::config {

void check_consistency(Configuration& configuration, Action action,
                       std::vector<std::string>& errors);

}  // namespace pilotfish::config
