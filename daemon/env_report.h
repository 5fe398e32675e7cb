// `pilotfish env`: the right-sizing variables that each worker would be handed here and now, with
// the reason for each.
//
// One thread. Blocks on reading the limits and the workers' programs. Fails: a worker that is not
// declared.
#pragma once

#include <string>
#include <vector>

#include "cgroup/group_parent.h"
#include "config/command_line.h"
#include "config/load.h"
#include "core/limits.h"
#include "core/result.h"

namespace pilotfish::daemon {

// Groups of their own for workers are taken for made, and their caps for taken, where they could be
// made; nothing is made here.
// text: a table for people; shell: lines for eval; json: http/render_hints.h.
core::Result<std::string> env_report(const config::Configuration& configuration,
                                     const config::Invocation& invocation);
// The same in a container of these limits, where groups can be made below these.
core::Result<std::string> env_report(const config::Configuration& configuration,
                                     const config::Invocation& invocation,
                                     const core::Limits& limits,
                                     const std::vector<cgroup::GroupParent>& parents);

}  // namespace pilotfish::daemon
