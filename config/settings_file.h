// The file of PILOTFISH_CONFIG: a JSON object with the settings of the daemon and of its workers.
//
// A setting has the name of its variable in small letters without PILOTFISH_, and may be cut into
// objects at any _ of it: ADMIN_LISTEN is {"admin_listen":...} or {"admin":{"listen":...}}. Those
// of a worker stand in {"workers":{NAME:{...}}}, which also declares it; ENV_<VAR> in "env", by the
// variable's own letters, RLIMIT_<NAME> in "rlimit". A value is a string as the variable holds it,
// or a number or a boolean where it is one; a command is a list of its words, and what has commas
// in a variable may be a list; null is as if it were not there.
//
// Any thread; results own their text. Blocks: read_settings_file(), as a file does. Fails: by
// sentences that name the file, the line, the setting, its value (never a secret's) and the
// accepted form. A file that is no regular file, or too large, is refused.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "core/result.h"

namespace pilotfish::config {

struct FileSetting {
    std::string worker;  // empty: of the daemon
    std::string name;    // as in the table: "ADMIN_LISTEN"; "ENV_" with its suffix
    std::string suffix;  // "PATH" of ENV_PATH
    std::string text;    // as the variable would hold it
    std::string place;   // "workers.web.restart in /etc/pilotfish.json:12"
};

struct FileSettings {
    std::vector<FileSetting> settings;
    Names workers;                     // in the order of the file
    std::vector<std::string> faults;   // whole sentences
    std::vector<std::string> unknown;  // "admin.lisen in FILE:3: there is no such setting; ..."
};

// The text of the file.
core::Result<std::string> read_settings_file(const std::string& path);

// What stands in the text. file: as sentences name it.
FileSettings settings_in(std::string_view text, const std::string& file);

// Put what the environment has not set into the configuration; a value that counts for nothing must
// be a good one all the same. The first for the daemon's own settings, the second for the workers
// that are declared by now.
void apply_to_daemon(const FileSettings& file, Configuration& configuration,
                     std::vector<std::string>& errors);
void apply_to_workers(const FileSettings& file, Configuration& configuration,
                      std::vector<std::string>& errors);

}  // namespace pilotfish::config
