// What of a worker's readiness and liveness settings does not go together.
//
// Any thread; a plain function; never blocks. Fails by what it adds to errors.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace pilotfish::config {

// prefix: PILOTFISH_WORKER_<NAME>_, for the sentences.
void check_health(const WorkerSettings& settings, const std::string& prefix,
                  std::vector<std::string>& errors, std::vector<std::string>& warnings);

}  // namespace pilotfish::config
