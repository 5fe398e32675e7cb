// The configuration as a supervising daemon needs it: read, and with what only the machine can tell
// looked at: zone files, whether this build can load plugins.
//
// Any thread, but nobody may change the environment meanwhile. Blocks: on the files. Fails: with
// every fault, a sentence a line.
#pragma once

#include "config/load.h"
#include "core/result.h"

namespace pilotfish::daemon {

core::Result<config::Configuration> load_configuration(const config::Invocation& invocation);

}  // namespace pilotfish::daemon
