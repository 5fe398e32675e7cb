// tini's command line and variables as a value.
//
// One thread at a time: getopt(3) reads them, which is why options are found behind the program's
// name too, as with tini, unless `--` comes first. Writes getopt's own complaints to stderr. Fails:
// a TiniRefusal.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace pilotfish::daemon {

enum class TiniAnswer { version, help, license };

// What was asked for cannot be done: the exit code is 1.
struct TiniRefusal {
    std::string fatal;  // for stderr, as a FATAL line; empty: the usage goes there
};

struct TiniOptions {
    bool subreaper = false;           // -s, TINI_SUBREAPER
    bool warn_on_reap = false;        // -w
    bool kill_process_group = false;  // -g, TINI_KILL_PROCESS_GROUP
    int parent_death_signal = 0;      // -p; 0: none
    int verbosity = 1;                // -v each; TINI_VERBOSITY overrules them
    std::vector<int> good_codes;      // -e: these become 0
    char* const* command = nullptr;   // in argv, null-terminated
};

using TiniInvocation = std::variant<TiniOptions, TiniAnswer, TiniRefusal>;

// environment: the value of a variable, or null; getenv.
TiniInvocation parse_tini(int argc, char** argv, char* (*environment)(const char*));

}  // namespace pilotfish::daemon
