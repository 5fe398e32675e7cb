// What the settings say of the admin plane's server: its options, and the addresses it is bound to.
//
// Thread-safety: free functions over what they are given. Blocks: bind, as the system does. Fails:
// a configured address that is taken, with the setting's name before the sentence.
#pragma once

#include "config/load.h"
#include "core/result.h"
#include "http/server.h"

namespace pilotfish::daemon {

http::ServerOptions server_options(const config::Settings& settings);

// A configured address that is taken is an error before any worker starts. The default one may
// belong to another pilotfish of the same pod; then this one goes without, and says so.
core::Result<void> bind_listeners(http::Server& server, const config::Configuration& configuration);

}  // namespace pilotfish::daemon
