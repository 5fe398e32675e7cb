// The configuration: the environment and the command line, checked and resolved.
//
// Any thread, but nobody may change the environment meanwhile. The Configuration owns its text.
// Never blocks: no file is opened, a token's file is the reader's matter. Fails: every fault found,
// one sentence a line, each with the variable's name, its value (never a secret's) and the accepted
// form; the process then ends with kUsageExitCode.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/command_line.h"
#include "config/settings.h"
#include "core/result.h"

namespace pilotfish::config {

// Who decided a value. mode: a default that follows from how pilotfish was called, or from another
// setting.
enum class Origin : std::uint8_t { default_value, environment, command_line, mode };

struct WorkerConfiguration {
    WorkerSettings settings;
    std::vector<Origin> origins;  // one for each row of worker_settings()
};

struct Configuration {
    Settings settings;
    std::vector<Origin> origins;               // one for each row of global_settings()
    // main first when it came from the command line; each instance by itself, side by side.
    std::vector<WorkerConfiguration> workers;
    std::vector<std::string> warnings;         // a sentence each; to be logged, and shown by check

    // True when the user set it: "ADMIN_LISTEN". Requires: the name of a global setting.
    bool is_set(std::string_view name) const;
    const WorkerConfiguration* find_worker(std::string_view name) const;
};

// Resolves the variables in environ (NULL-terminated, "NAME=value") for what was asked.
//   entrypoint  one worker, main, whose command the invocation has; PILOTFISH_WORKERS is refused
//   run         the declared workers, and main when the invocation has a command; each has a
//   command all else    as entrypoint with a command, as run without; settings of a main that was
//   not
//               declared are checked too, and it may lack a command: its image's ENTRYPOINT has
//               that
core::Result<Configuration> load(const char* const* environ, const Invocation& invocation);

}  // namespace pilotfish::config
