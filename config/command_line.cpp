#include "config/command_line.h"

#include <array>

#include "config/client_commands.h"
#include "config/command_text.h"
#include "config/in_quotes.h"
#include "config/nearest_name.h"
#include "config/quantity.h"

namespace pilotfish::config {
namespace {

template <OutputForm Form>
bool set_form(std::string_view, Invocation& invocation, std::string& why) {
    if (invocation.form != OutputForm::text && invocation.form != Form) {
        why = "contradicts the one before it";
        return false;
    }
    invocation.form = Form;
    return true;
}

bool set_root(std::string_view argument, Invocation& invocation, std::string& why) {
    if (argument.empty()) {
        why = "needs a directory";
        return false;
    }
    invocation.root = argument;
    return true;
}

bool set_pid(std::string_view argument, Invocation& invocation, std::string& why) {
    std::int64_t pid = 0;
    // The kernel's own bound on pids (PID_MAX_LIMIT of 64-bit machines).
    if (!parse_whole(argument, 1, 4'194'304, pid, why)) {
        why = "needs the number of a process";
        return false;
    }
    invocation.pid = static_cast<int>(pid);
    return true;
}

bool set_worker(std::string_view operand, Invocation& invocation, std::string&) {
    invocation.worker = operand;
    return true;
}

bool set_topic(std::string_view operand, Invocation& invocation, std::string&) {
    invocation.topic = operand;
    return true;
}

bool set_probe(std::string_view operand, Invocation& invocation, std::string& why) {
    constexpr std::array<std::string_view, 3> kProbes{"livez", "readyz", "startupz"};
    for (std::size_t at = 0; at < kProbes.size(); ++at) {
        if (operand == kProbes[at]) return invocation.probe = static_cast<ProbeKind>(at), true;
    }
    why = "is no probe: livez, readyz or startupz";
    return false;
}

constexpr OptionRow kJson{"--json", "", "as JSON, for programs", set_form<OutputForm::json>};

constexpr std::array kLimitsOptions{
    kJson, OptionRow{"--root", "DIR", "read the files below DIR instead, as a replay", set_root},
    OptionRow{"--pid", "N", "of the container of process N", set_pid}};
constexpr std::array kEnvOptions{
    kJson, OptionRow{"--shell", "", "as export lines, for eval", set_form<OutputForm::shell>}};
constexpr std::array kJsonOnly{kJson};
constexpr std::array kHelpOptions{OptionRow{"--markdown", "",
                                            "settings and workers as the table of the README",
                                            set_form<OutputForm::markdown>}};

constexpr std::array kCommands{
    CommandRow{"run",
               Action::run,
               "[-- COMMAND...]",
               "runs the workers of PILOTFISH_WORKERS, and main when given",
               true,
               "",
               {},
               nullptr},
    CommandRow{"limits", Action::limits, "[--json] [--root DIR] [--pid N]",
               "what this container allows, and where each figure was read", false, "",
               kLimitsOptions, nullptr},
    CommandRow{"env", Action::env, "[WORKER] [--shell|--json]",
               "the right-sizing variables a worker gets, each with its reason", false, "WORKER",
               kEnvOptions, set_worker},
    CommandRow{"check", Action::check, "[--json] [-- COMMAND...]",
               "validates the configuration and prints each value with its source", true, "",
               kJsonOnly, nullptr},
    CommandRow{"probe",
               Action::probe,
               "[livez|readyz|startupz]",
               "asks the running daemon; exit 0 or 1",
               false,
               "PROBE",
               {},
               set_probe},
    CommandRow{"doctor", Action::doctor, "[--json]",
               "the production checklist of this container; exit 1 when an item failed", false, "",
               kJsonOnly, nullptr},
    CommandRow{"version", Action::version, "[--json]", "the version", false, "", kJsonOnly,
               nullptr},
    CommandRow{"help", Action::help, "[TOPIC]",
               "settings, workers, signals, exit-codes, or the name of a setting", false, "TOPIC",
               kHelpOptions, set_topic},
};

core::Error usage(std::string sentence) { return {std::move(sentence), 0}; }

// The command line as a shell would read it back: for the mend in a message.
std::string as_typed(std::span<const char* const> arguments) {
    return format_command({arguments.begin(), arguments.end()});
}

core::Error unknown_command(std::span<const char* const> arguments) {
    const std::string_view word = arguments.front();
    std::vector<std::string_view> names;
    for (const CommandRow& command : commands()) names.push_back(command.name);
    const std::string_view nearest = nearest_name(word, names);
    std::string sentence = "cannot run " + in_quotes(word) + ": no such command of pilotfish";
    if (!nearest.empty()) sentence.append("; did you mean pilotfish ").append(nearest).append("?");
    sentence.append(nearest.empty() ? "; to" : " To")
        .append(" supervise a program, put -- before it: ");
    return usage(sentence + "pilotfish -- " + as_typed(arguments));
}

core::Error unknown_option(std::string_view option, const CommandRow* command) {
    std::vector<std::string_view> names{"--help", "--version"};
    if (command != nullptr) {
        names = {"--help"};
        for (const OptionRow& row : command->options) {
            names.push_back(row.name);
            if (!row.short_name.empty()) names.push_back(row.short_name);
        }
    }
    std::string sentence = "cannot use option " + in_quotes(option) + ": ";
    sentence.append(command == nullptr ? "pilotfish" : "pilotfish ");
    if (command != nullptr) sentence.append(command->name);
    sentence.append(" has no such option");
    const std::string_view nearest = nearest_name(option, names);
    if (!nearest.empty()) sentence.append("; did you mean ").append(nearest).append("?");
    return usage(std::move(sentence));
}

// Reads the option at arguments[at], and its argument ("--root DIR" or "--root=DIR").
core::Result<void> read_option(const CommandRow& command, std::span<const char* const> arguments,
                               std::size_t& at, Invocation& invocation) {
    const std::string_view word = arguments[at];
    const std::size_t equals = word.find('=');
    const std::string_view name = word.substr(0, equals);
    for (const OptionRow& row : command.options) {
        if (row.name != name && (row.short_name.empty() || row.short_name != name)) continue;
        std::string_view argument;
        if (row.argument.empty()) {
            if (equals != std::string_view::npos) {
                return usage("cannot use " + in_quotes(word) + ": " + std::string(name) +
                             " takes no value");
            }
        } else if (equals != std::string_view::npos) {
            argument = word.substr(equals + 1);
        } else if (at + 1 < arguments.size()) {
            argument = arguments[++at];
        } else {
            return usage("cannot use " + std::string(name) + ": its " + std::string(row.argument) +
                         " is missing");
        }
        std::string why;
        if (row.read(argument, invocation, why)) return {};
        std::string what(name);
        if (!argument.empty()) what.append(" ").append(in_quotes(argument));
        return usage("cannot use " + what + ": it " + why);
    }
    return unknown_option(word, &command);
}

core::Result<Invocation> with_command(Invocation invocation, std::span<const char* const> words) {
    if (words.empty() || *words.front() == '\0') {
        return usage(
            "cannot run nothing: a program must follow --, as in: pilotfish -- nginx -g 'daemon "
            "off;'");
    }
    invocation.command.assign(words.begin(), words.end());
    return invocation;
}

core::Result<Invocation> parse_command(const CommandRow& command,
                                       std::span<const char* const> arguments) {
    Invocation invocation{.action = command.action};
    bool has_operand = false;
    for (std::size_t at = 0; at < arguments.size(); ++at) {
        const std::string_view word = arguments[at];
        if (word == "--" && command.takes_command) {
            return with_command(std::move(invocation), arguments.subspan(at + 1));
        }
        if (word == "--help" || word == "-h") {
            return Invocation{.action = Action::help, .topic = std::string(command.name)};
        }
        if (word.size() > 1 && word.front() == '-') {
            const core::Result<void> read = read_option(command, arguments, at, invocation);
            if (!read) return read.error();
            continue;
        }
        if (command.takes_command) {
            return usage("cannot use " + in_quotes(word) +
                         ": put -- before the program: pilotfish " + std::string(command.name) +
                         " -- " + as_typed(arguments.subspan(at)));
        }
        std::string why = command.operand.empty() ? "takes no argument" : "takes one argument only";
        if (command.operand.empty() || (has_operand && !command.many_operands)) {
            return usage("cannot use " + in_quotes(word) + ": pilotfish " +
                         std::string(command.name) + " " + why);
        }
        if (!command.read_operand(word, invocation, why)) {
            return usage("cannot use " + in_quotes(word) + ": it " + why);
        }
        has_operand = true;
    }
    const std::string wrong = command.check == nullptr ? "" : command.check(invocation);
    if (!wrong.empty()) return usage("cannot " + std::string(command.name) + ": " + wrong);
    return invocation;
}

// What runs first, then what is asked of it, then what looks and tells.
std::vector<CommandRow> all_commands() {
    std::vector<CommandRow> rows{kCommands.front()};
    const auto clients = client_commands();
    rows.insert(rows.end(), clients.begin(), clients.end());
    rows.insert(rows.end(), kCommands.begin() + 1, kCommands.end());
    return rows;
}

}  // namespace

std::span<const CommandRow> commands() {
    static const std::vector<CommandRow> rows = all_commands();
    return rows;
}

core::Result<Invocation> parse_command_line(int argc, const char* const* argv) {
    if (argc <= 1) return Invocation{.action = Action::help, .nothing_asked = true};
    const std::span<const char* const> arguments(argv + 1, static_cast<std::size_t>(argc - 1));
    const std::string_view first = arguments.front();
    if (first == "--") {
        return with_command(Invocation{.action = Action::entrypoint}, arguments.subspan(1));
    }
    if (first == "--help" || first == "-h") return Invocation{.action = Action::help};
    if (first == "--version") return Invocation{.action = Action::version};
    for (const CommandRow& command : commands()) {
        if (command.name == first) return parse_command(command, arguments.subspan(1));
    }
    if (first.starts_with('-')) return unknown_option(first, nullptr);
    return unknown_command(arguments);
}

}  // namespace pilotfish::config
