// The rows of the client commands in the table of commands.
//
// Any thread; constant. Nothing here blocks or fails.
#pragma once

#include <span>

#include "config/command_line.h"

namespace pilotfish::config {

std::span<const CommandRow> client_commands();

}  // namespace pilotfish::config
