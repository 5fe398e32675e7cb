// The commands that ask a running daemon: status, start, stop, restart, signal, logs, events,
// reload, upgrade, shutdown.
//
// One thread, from main. Blocks: on the daemon's answers, each bounded, and as long as the user
// wants to follow. Fails: by the exit code (pilotfish help exit-codes), after a sentence on stderr.
#pragma once

#include "config/command_line.h"

namespace pilotfish::daemon {

inline constexpr int kRefusedExitCode = 1;
inline constexpr int kUnreachableExitCode = 3;

// True of the actions of config/client_commands.h.
bool is_client_action(config::Action action);
// Requires: is_client_action(). Returns the exit code.
int run_client(const config::Invocation& invocation);

}  // namespace pilotfish::daemon
