// The control socket: where the client commands find the daemon, and where root and our own user
// may do everything.
//
// Thread-safety: free functions, before the server starts. Blocks: no longer than a few system
// calls, as a worker's first exec waits for them. Fails: a configured path that cannot be bound,
// with the setting's name before the sentence.
#pragma once

#include <sys/types.h>

#include <string>

#include "config/load.h"
#include "core/result.h"
#include "http/server.h"

namespace pilotfish::daemon {

// In the order of /run's own habits (FHS 3.0, 3.15): a directory of ours, so that nobody else can
// put a socket of that name there.
inline constexpr const char* kControlDirectory = "/run/pilotfish";
inline constexpr const char* kControlFile = "control.sock";

// The number of this PID namespace, as /proc names it; 0: /proc is not there.
unsigned long pid_namespace();
// "@pilotfish/4026531836-": all abstract names of a PID namespace begin so. They are seen by the
// whole network namespace, and with them by the other containers of a pod.
std::string abstract_prefix(unsigned long pid_namespace);

// Binds the control socket. Gives its address, "unix:/run/pilotfish/control.sock", for the
// workers' environment; empty: there is none. directory: of the default's file.
core::Result<std::string> bind_control_socket(http::Server& server,
                                              const config::Configuration& configuration,
                                              const std::string& directory = kControlDirectory);

}  // namespace pilotfish::daemon
