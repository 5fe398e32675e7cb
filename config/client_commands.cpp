#include "config/client_commands.h"

#include <array>

#include "config/in_quotes.h"
#include "config/quantity.h"
#include "config/signal_name.h"

namespace pilotfish::config {
namespace {

template <bool ClientOptions::* Flag>
bool set_flag(std::string_view, Invocation& invocation, std::string&) {
    invocation.client.*Flag = true;
    return true;
}

template <std::optional<std::int64_t> ClientOptions::* Number>
bool set_number(std::string_view argument, Invocation& invocation, std::string& why) {
    std::int64_t number = 0;
    if (!parse_whole(argument, 0, INT64_MAX, number, why)) {
        why = "needs a whole number from 0 on";
        return false;
    }
    invocation.client.*Number = number;
    return true;
}

bool set_json(std::string_view, Invocation& invocation, std::string&) {
    invocation.form = OutputForm::json;
    return true;
}

bool set_wait(std::string_view argument, Invocation& invocation, std::string& why) {
    Duration wait{};
    if (!parse_duration(argument, wait, why) || wait > std::chrono::hours(1)) {
        why = "needs a time with its unit of at most 1h, such as 10s";
        return false;
    }
    invocation.client.wait = wait;
    return true;
}

bool set_daemon_pid(std::string_view argument, Invocation& invocation, std::string& why) {
    std::int64_t pid = 0;
    // The kernel's own bound on pids (PID_MAX_LIMIT of 64-bit machines).
    if (!parse_whole(argument, 1, 4'194'304, pid, why)) {
        why = "needs the number of a process";
        return false;
    }
    invocation.pid = static_cast<int>(pid);
    return true;
}

bool set_admin(std::string_view argument, Invocation& invocation, std::string& why) {
    if (argument.empty()) {
        why = "needs an address such as http://127.0.0.1:9911";
        return false;
    }
    invocation.client.admin = argument;
    return true;
}

// A name goes into a path; what no worker can be called is a slip of the hand.
bool add_worker(std::string_view operand, Invocation& invocation, std::string& why) {
    const bool fits = operand.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-@") ==
                      std::string_view::npos;
    if (operand.empty() || !fits) {
        why = "is no name of a worker, which has small letters, digits and -";
        return false;
    }
    invocation.client.workers.emplace_back(operand);
    return true;
}

bool add_signal_or_worker(std::string_view operand, Invocation& invocation, std::string& why) {
    if (!invocation.client.signal.empty()) return add_worker(operand, invocation, why);
    Signal signal;
    if (!parse_signal(operand, signal, why)) {
        why = "is no signal, which comes first: pilotfish signal HUP web";
        return false;
    }
    invocation.client.signal = operand;
    return true;
}

std::string needs_a_worker(const Invocation& invocation) {
    return invocation.client.workers.empty() ? "the name of a WORKER is missing" : "";
}

std::string needs_a_signal(const Invocation& invocation) {
    if (invocation.client.signal.empty()) return "the SIGNAL and the name of a WORKER are missing";
    return needs_a_worker(invocation);
}

std::string one_cursor(const Invocation& invocation) {
    const bool one = invocation.client.workers.size() == 1;
    return invocation.client.since && !one ? "--since counts the lines of one WORKER: name it" : "";
}

constexpr OptionRow kJson{"--json", "", "as JSON, for programs", set_json};
constexpr OptionRow kPid{"--pid", "N", "of the daemons found, the one that is process N",
                         set_daemon_pid};
constexpr OptionRow kAdmin{
    "--admin", "URL", "ask there instead, with the token of PILOTFISH_ADMIN_TOKEN or its _FILE",
    set_admin};
constexpr OptionRow kWait{"--wait", "TIME", "until it has come true, or this time is over",
                          set_wait};
constexpr OptionRow kFollow{"--follow", "", "stay for what comes", set_flag<&ClientOptions::follow>,
                            "-f"};

constexpr std::array kStatusOptions{kJson,
                                    OptionRow{"--watch", "", "again each second, until interrupted",
                                              set_flag<&ClientOptions::watch>, "-w"},
                                    kPid, kAdmin};
constexpr std::array kWishOptions{kWait, kPid, kAdmin};
constexpr std::array kWhereOptions{kPid, kAdmin};
constexpr std::array kLogsOptions{
    kFollow,
    OptionRow{"--tail", "N", "the last N lines only", set_number<&ClientOptions::tail>, "-n"},
    OptionRow{"--since", "CURSOR", "the lines after this one", set_number<&ClientOptions::since>},
    kJson,
    kPid,
    kAdmin};
constexpr std::array kEventsOptions{
    kFollow,
    OptionRow{"--since", "ID", "the events after this one", set_number<&ClientOptions::since>},
    kJson, kPid, kAdmin};
constexpr std::array kReloadOptions{
    OptionRow{"--dry-run", "", "tell what would change, and no more",
              set_flag<&ClientOptions::dry_run>},
    kPid, kAdmin};
constexpr std::array kShutdownOptions{
    OptionRow{"--wait", "", "until the daemon has ended", set_flag<&ClientOptions::wait_for_end>},
    kPid, kAdmin};

constexpr std::array kCommands{
    CommandRow{"status", Action::status, "[WORKER...] [--json] [--watch]",
               "how the workers of the running daemon are", false, "WORKER", kStatusOptions,
               add_worker, true},
    CommandRow{"start", Action::start, "WORKER... [--wait TIME]",
               "starts workers that are over or wait to be started again", false, "WORKER",
               kWishOptions, add_worker, true, needs_a_worker},
    CommandRow{"stop", Action::stop, "WORKER... [--wait TIME]",
               "stops workers until they are started again", false, "WORKER", kWishOptions,
               add_worker, true, needs_a_worker},
    CommandRow{"restart", Action::restart, "WORKER... [--wait TIME]",
               "stops workers and starts them again at once", false, "WORKER", kWishOptions,
               add_worker, true, needs_a_worker},
    CommandRow{"signal", Action::signal, "SIGNAL WORKER...", "sends a signal to workers", false,
               "WORKER", kWhereOptions, add_signal_or_worker, true, needs_a_signal},
    CommandRow{"logs", Action::logs, "[WORKER...] [--follow] [--tail N] [--since CURSOR] [--json]",
               "what workers have written, as far as it is kept", false, "WORKER", kLogsOptions,
               add_worker, true, one_cursor},
    CommandRow{"events", Action::events, "[--follow] [--since ID] [--json]",
               "what has happened to the container and its workers", false, "", kEventsOptions,
               nullptr},
    CommandRow{"reload", Action::reload, "[--dry-run]",
               "reads the configuration again and applies what changed", false, "", kReloadOptions,
               nullptr},
    CommandRow{"upgrade", Action::upgrade, "",
               "replaces the running daemon by the program at its path", false, "", kWhereOptions,
               nullptr},
    CommandRow{"shutdown", Action::shutdown, "[--wait]",
               "stops all workers in order, then the daemon", false, "", kShutdownOptions, nullptr},
};

}  // namespace

std::span<const CommandRow> client_commands() { return kCommands; }

}  // namespace pilotfish::config
