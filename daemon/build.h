// Which pilotfish this is.
//
// Constant data; any thread.
#pragma once

#include <string>

#include "config/command_line.h"
#include "http/sources.h"

namespace pilotfish::daemon {

http::BuildView build_view();

// "pilotfish 0.1.0 (gcc 12.2.0, x86_64-linux)\n", or one JSON object.
std::string version_text(config::OutputForm form);

}  // namespace pilotfish::daemon
