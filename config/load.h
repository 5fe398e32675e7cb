// The configuration: the environment and the command line, checked and resolved.
//
// Any thread, but nobody may change the environment meanwhile. The Configuration owns its text.
// Blocks: only to read the file of PILOTFISH_CONFIG, where it is set; a token's file is the
// reader's matter. Fails: every fault found, one sentence a line, each with the variable's name,
// its value (never a secret's) and the accepted form; the process then ends with kUsageExitCode.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/command_line.h"
#include "config/settings.h"
#include "core/result.h"

namespace pilotfish::config {

// Who decided a value. mode: a default that follows from how pilotfish was called, or from another
// setting.
enum class Origin : std::uint8_t { default_value, environment, command_line, mode, file };

// Somebody wrote it for this program: in a variable, or in the file.
constexpr bool is_setting(Origin origin) {
    return origin == Origin::environment || origin == Origin::file;
}

struct WorkerConfiguration {
    WorkerSettings settings;
    std::vector<Origin> origins;  // one for each row of worker_settings()
    // Of settings with a suffix, those that came from the file: "ENV_PATH".
    std::vector<std::string> from_file = {};
};

struct Configuration {
    Settings settings;
    std::vector<Origin> origins;  // one for each row of global_settings()
    // main first when it came from the command line; each instance by itself, side by side.
    std::vector<WorkerConfiguration> workers;
    std::vector<std::string> warnings;  // a sentence each; to be logged, and shown by check

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
// The settings of PILOTFISH_CONFIG's file (config/settings_file.h) come behind the environment's,
// and its workers behind those of PILOTFISH_WORKERS.
core::Result<Configuration> load(const char* const* environ, const Invocation& invocation);

// The same, with the text of the file from elsewhere.
using ReadFile = std::function<core::Result<std::string>(const std::string& path)>;
core::Result<Configuration> load(const char* const* environ, const Invocation& invocation,
                                 const ReadFile& read_file);

}  // namespace pilotfish::config
