// What settings of several workers' logs must agree on.
//
// Any thread; plain functions; never block. Fault by sentences that are added to `errors`.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace pilotfish::config {

// Two writers of one file would rotate it under each other's feet; a setting that does nothing was
// meant to do something.
void check_logs(const Configuration& configuration, std::vector<std::string>& errors);

}  // namespace pilotfish::config
