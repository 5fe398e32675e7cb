// `pilotfish probe`: asks the daemon of this container whether it is alive, ready or started.
//
// One thread. Blocks: at most two seconds. Fails: a sentence when no daemon could be asked.
#pragma once

#include <string>

#include "config/command_line.h"
#include "config/settings.h"
#include "core/result.h"

namespace pilotfish::daemon {

struct ProbeAnswer {
    bool ok = false;   // 200
    std::string text;  // the causes, as the daemon tells them
};

// Asks the probe listener where one is set, else the admin listener.
core::Result<ProbeAnswer> ask_probe(const config::Settings& settings, config::ProbeKind kind);

}  // namespace pilotfish::daemon
