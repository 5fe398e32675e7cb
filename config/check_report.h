// What `pilotfish check` prints: each resolved value with its source, or every fault there is.
//
// Any thread, never blocks, writes nothing: the caller does. Never fails. Secrets and the values of
// ENV_ variables are never in it.
#pragma once

#include <string>

#include "config/command_line.h"
#include "config/load.h"
#include "core/result.h"

namespace pilotfish::config {

struct CheckReport {
    std::string output;  // for stdout
    std::string errors;  // for stderr: faults and, in the text form, warnings
    int exit_code = 0;   // 0, or kUsageExitCode
};

// The JSON form, which programs may rely on: {"ok":true,"settings":[{"name","worker","value",
// "source","default"}],"warnings":["..."],"errors":["..."]}; worker is null for the daemon's own,
// value is null when unset.
CheckReport check_report(const core::Result<Configuration>& loaded, OutputForm form, bool colour);

}  // namespace pilotfish::config
