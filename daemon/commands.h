// The commands that look and tell, and supervise nothing: limits, env, check, probe, version, help,
// and those of daemon/client.h.
//
// One thread, from main. Blocks: on writing the answer, and probe on the daemon's answer (bounded).
// Fails: by the exit code, after a sentence on stderr.
#pragma once

#include <string_view>

#include "config/command_line.h"
#include "daemon/signals_at_start.h"

namespace pilotfish::daemon {

// Requires: an action other than entrypoint and run. Returns the exit code.
int run_command(const config::Invocation& invocation, const SignalsAtStart& signals);

// Says a usage or configuration error on stderr and returns the exit code for it, 2.
int refuse(std::string_view message);

}  // namespace pilotfish::daemon
