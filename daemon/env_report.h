// `pilotfish env`: the right-sizing variables that each worker would be handed here and now, with
// the reason for each.
//
// One thread. Blocks on reading the limits and the workers' programs. Fails: a worker that is not
// declared.
#pragma once

#include <string>

#include "config/command_line.h"
#include "config/load.h"
#include "core/result.h"

namespace pilotfish::daemon {

// text: a table for people; shell: lines for eval; json: http/render_hints.h.
core::Result<std::string> env_report(const config::Configuration& configuration,
                                     const config::Invocation& invocation);

}  // namespace pilotfish::daemon
