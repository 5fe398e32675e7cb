// The words of `pilotfish help [TOPIC]`, made from the tables of settings and commands.
//
// Any thread, never blocks, writes nothing. Fails: a topic that does not exist, with the nearest
// name; end with kUsageExitCode then.
#pragma once

#include <string>

#include "config/command_line.h"
#include "core/result.h"

namespace pilotfish::config {

// For invocation.topic: none (the overview), settings, workers, signals, exit-codes, the name of a
// command, or that of a setting with or without PILOTFISH_. With OutputForm::markdown, for settings
// and workers only, the reference table that the READMEs hold.
core::Result<std::string> help_text(const Invocation& invocation, bool colour);

// The reference of all settings, as README.md and config/README.md hold it between their markers.
std::string settings_markdown();

}  // namespace pilotfish::config
