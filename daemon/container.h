// A whole run of the daemon: as a container's entrypoint, or with the workers of the environment.
//
// One thread, from main, once. Blocks until the container has ended. Fails: by the exit code; a
// sentence on stderr says why when nothing could be started.
#pragma once

#include "config/command_line.h"
#include "daemon/handover.h"
#include "daemon/signals_at_start.h"
#include "daemon/upgrade_check.h"

namespace pilotfish::daemon {

// What main found when it began.
struct Start {
    const SignalsAtStart& signals;
    Origin origin;
    const Handover* handover = nullptr;  // of the image before, after an upgrade in place
};

// Requires: an entrypoint or run action. Ends the process with the container's exit code; returns
// one only when nothing could be started.
int run_container(const config::Invocation& invocation, const Start& start);

}  // namespace pilotfish::daemon
