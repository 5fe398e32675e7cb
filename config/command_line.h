// What the user asked for: argv as a value.
//
// Any thread; the Invocation owns its text. Never blocks, writes nothing, exits nothing: the caller
// does. Fails: a sentence that begins "cannot" and ends with the mend; end with kUsageExitCode
// then.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/client_options.h"
#include "core/result.h"

namespace pilotfish::config {

inline constexpr int kUsageExitCode = 2;

enum class Action : std::uint8_t {
    entrypoint,
    run,
    limits,
    env,
    check,
    probe,
    doctor,
    version,
    help,
    // Asked of a running daemon (config/client_commands.cpp):
    status,
    start,
    stop,
    restart,
    signal,
    logs,
    events,
    reload,
    upgrade,
    shutdown
};
enum class OutputForm : std::uint8_t { text, json, shell, markdown };
enum class ProbeKind : std::uint8_t { livez, readyz, startupz };

struct Invocation {
    Action action = Action::help;
    std::vector<std::string> command = {};  // what followed --; entrypoint, run and check

    OutputForm form = OutputForm::text;
    std::string root = {};        // limits: read below this directory; empty: this machine
    std::optional<int> pid = {};  // limits: the process asked about; clients: the daemon asked
    std::string worker = {};      // env: the worker asked about; empty: main, or all there are
    ProbeKind probe = ProbeKind::livez;
    ClientOptions client = {};
    std::string topic = {};  // help: "settings", "MAXPROCS", ...; empty: the overview

    // True of `pilotfish` alone: the help goes to stderr and the exit code is kUsageExitCode.
    bool nothing_asked = false;
};

// Requires: argc counts argv, argv[0] included (it may be 0).
core::Result<Invocation> parse_command_line(int argc, const char* const* argv);

// An option of a command, for help and for the parser.
struct OptionRow {
    std::string_view name;      // "--json"
    std::string_view argument;  // "DIR"; empty: takes none
    std::string_view help;
    // Fails by false with half a sentence in why, as in config/quantity.h.
    bool (*read)(std::string_view argument, Invocation& invocation, std::string& why);
    std::string_view short_name = {};  // "-f"; empty: none
};

struct CommandRow {
    std::string_view name;  // "limits"
    Action action;
    std::string_view synopsis;  // "[--json] [--root DIR] [--pid N]"
    std::string_view help;      // one line, no full stop
    bool takes_command;         // -- COMMAND may follow
    std::string_view operand;   // "WORKER"; empty: takes none
    std::span<const OptionRow> options;
    // Reads the operand; fails as OptionRow::read does.
    bool (*read_operand)(std::string_view operand, Invocation& invocation, std::string& why);
    bool many_operands = false;
    // Looks at the whole; empty: good, else what is wrong.
    std::string (*check)(const Invocation& invocation) = nullptr;
};

// Every command but the entrypoint itself, in the order of the help.
std::span<const CommandRow> commands();

}  // namespace pilotfish::config
