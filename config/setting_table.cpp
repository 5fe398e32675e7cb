#include "config/setting_table.h"

#include <algorithm>
#include <array>

#include "config/command_text.h"
#include "config/field_text.h"

namespace pilotfish::config {
namespace {

// "Accept text, but": half a sentence, or "" when the value read is fine.
template <class Field>
using Objection = std::string_view (*)(const Field& value);

// What a row says beyond its field. `accepted` and `default_words` stand in for the type's own.
struct Words {
    std::string_view group;
    std::string_view help;
    std::string_view accepted = {};
    std::string_view default_words = {};
};

template <class Owner, class Field>
Field field_of(Field Owner::*);
template <class Owner, class Field>
Owner owner_of(Field Owner::*);

template <auto Member, auto Object = nullptr>
constexpr auto row(std::string_view name, Words words) {
    using Owner = decltype(owner_of(Member));
    using Field = decltype(field_of(Member));
    return SettingRow<Owner>{
        .name = name,
        .type = kFieldWords<Field>.type,
        .accepted = words.accepted.empty() ? kFieldWords<Field>.accepted : words.accepted,
        .unit = kFieldWords<Field>.unit,
        .group = words.group,
        .help = words.help,
        .default_words = words.default_words,
        .is_secret = std::is_same_v<Field, Secret>,
        .read =
            [](std::string_view text, std::string_view, Owner& owner, std::string& why) {
                Field value{};
                if (!read_field(text, value, why)) return false;
                if constexpr (!std::is_same_v<decltype(Object), std::nullptr_t>) {
                    if (const std::string_view objection = Object(value); !objection.empty()) {
                        why = objection;
                        return false;
                    }
                }
                owner.*Member = std::move(value);
                return true;
            },
        .show = [](const Owner& owner) { return show_field(owner.*Member); },
    };
}

std::string_view not_zero(const Duration& value) {
    return value == Duration::zero() ? "cannot be 0" : "";
}

// Below this the tick would cost more than it tells; chosen, not measured.
std::string_view not_a_busy_loop(const Duration& value) {
    const bool busy = value != Duration::zero() && value < std::chrono::milliseconds(10);
    return busy ? "is shorter than 10ms" : "";
}

constexpr std::string_view kRun = "What runs";
constexpr std::string_view kLimits = "Limits of the container";
constexpr std::string_view kSignals = "Signals and the end";
constexpr std::string_view kAdmin = "Admin plane";
constexpr std::string_view kLog = "Log";

constexpr std::array kGlobal{
    row<&Settings::workers>("WORKERS", {kRun, "the workers that `pilotfish run` starts, by name"}),
    row<&Settings::strict>("STRICT",
                           {kRun, "a PILOTFISH_ variable that is unknown stops the start"}),
    row<&Settings::maxprocs>(
        "MAXPROCS", {kLimits, "processors of the scheduler; auto follows the container, live"}),
    row<&Settings::maxprocs_rounding>(
        "MAXPROCS_ROUNDING", {kLimits, "how a fraction of a processor becomes a whole one"}),
    row<&Settings::maxprocs_min>("MAXPROCS_MIN",
                                 {kLimits, "at least this many processors, within the affinity"}),
    row<&Settings::memory_limit>(
        "MEMLIMIT", {kLimits, "soft memory limit: a share of the container's, a size, or off"}),
    row<&Settings::limits_interval, not_a_busy_loop>(
        "LIMITS_INTERVAL",
        {kLimits, "how often limits that no watch reports are read again; 0: never",
         "a duration of at least 10ms with its unit, such as 250ms or 1s, or 0"}),
    row<&Settings::rightsize>("RIGHTSIZE",
                              {kLimits, "which right-sizing variables are handed to workers"}),
    row<&Settings::child_groups>(
        "CHILD_GROUPS", {kLimits, "cgroups for workers: auto, for those with a limit or a weight"}),
    row<&Settings::signals>("SIGNALS", {kSignals,
                                        "who gets the signals: main (forward) or the daemon (own)",
                                        {},
                                        "forward as an entrypoint, own with run"}),
    row<&Settings::subreaper>("SUBREAPER", {kSignals, "adopt orphans when not PID 1"}),
    row<&Settings::stop_timeout>("STOP_TIMEOUT",
                                 {kSignals, "the whole shutdown; then every descendant is killed"}),
    row<&Settings::drain_delay>(
        "DRAIN_DELAY", {kSignals, "from /readyz turning 503 to the first signal to a worker"}),
    row<&Settings::termination_log>("TERMINATION_LOG",
                                    {kSignals,
                                     "file that the verdict is appended to, for Kubernetes",
                                     {},
                                     "/dev/termination-log if writable"}),
    row<&Settings::admin_listen>("ADMIN_LISTEN", {kAdmin, "where the admin plane listens"}),
    row<&Settings::probe_listen>(
        "PROBE_LISTEN", {kAdmin, "where /livez /readyz /startupz alone are served: [::]:9912"}),
    row<&Settings::metrics_listen>("METRICS_LISTEN",
                                   {kAdmin, "where /metrics and nothing else is served"}),
    row<&Settings::admin_token>("ADMIN_TOKEN", {kAdmin, "bearer token of the level admin"}),
    row<&Settings::admin_token_file>("ADMIN_TOKEN_FILE",
                                     {kAdmin, "file with the bearer token of the level admin"}),
    row<&Settings::read_token>("READ_TOKEN", {kAdmin, "bearer token of the level read"}),
    row<&Settings::read_token_file>("READ_TOKEN_FILE",
                                    {kAdmin, "file with the bearer token of the level read"}),
    row<&Settings::livez_stall, not_zero>(
        "LIVEZ_STALL", {kAdmin, "age of the scheduler's heartbeat from which /livez is 503",
                        "a duration above 0 with its unit, such as 250ms, 10s or 5m"}),
    row<&Settings::log_format>(
        "LOG_FORMAT", {kLog, "form of the daemon's lines on stderr; default of a worker's LOG"}),
    row<&Settings::log_level>("LOG_LEVEL",
                              {kLog, "the daemon's lines below this level are left out"}),
    row<&Settings::debug>("DEBUG", {kLog, "lines on stderr for each step: memtrace=1 of memory"}),
};

bool read_command(std::string_view text, std::string_view, WorkerSettings& worker,
                  std::string& why) {
    return parse_command(text, worker.command, why);
}

bool read_plugin_args(std::string_view text, std::string_view, WorkerSettings& worker,
                      std::string& why) {
    return parse_command(text, worker.plugin_args, why);
}

bool read_variable(std::string_view text, std::string_view suffix, WorkerSettings& worker,
                   std::string&) {
    worker.environment.emplace_back(suffix, text);
    return true;
}

std::string show_variables(const WorkerSettings& worker) {
    std::string names;
    for (const auto& [name, value] : worker.environment) {
        names.append(names.empty() ? "" : ",").append(name);
    }
    return names;
}

// Their values are often passwords.
std::vector<std::pair<std::string, std::string>> each_variable(const WorkerSettings& worker) {
    auto variables = worker.environment;
    for (auto& [name, value] : variables) {
        if (!value.empty()) value = "(set, not shown)";
    }
    return variables;
}

bool read_resource_limit(std::string_view text, std::string_view suffix, WorkerSettings& worker,
                         std::string& why) {
    ResourceLimit limit;
    if (!parse_resource_limit(suffix, text, limit, why)) return false;
    // getenv(3) takes the first of two.
    const auto same = [&](const ResourceLimit& each) { return each.name == limit.name; };
    if (std::any_of(worker.resource_limits.begin(), worker.resource_limits.end(), same))
        return true;
    worker.resource_limits.push_back(std::move(limit));
    return true;
}

std::vector<std::pair<std::string, std::string>> each_resource_limit(const WorkerSettings& worker) {
    std::vector<std::pair<std::string, std::string>> limits;
    for (const ResourceLimit& limit : worker.resource_limits)
        limits.emplace_back(limit.name, format_resource_limit(limit));
    return limits;
}

std::string show_resource_limits(const WorkerSettings& worker) {
    std::string text;
    for (const auto& [name, value] : each_resource_limit(worker))
        text.append(text.empty() ? "" : ",").append(name).append("=").append(value);
    return text;
}

constexpr std::string_view kWhat = "What runs";
constexpr std::string_view kOrder = "Order and importance";
constexpr std::string_view kRestart = "Restart";
constexpr std::string_view kStop = "Stop and log";
constexpr std::string_view kBudget = "Its part of the container";
constexpr std::string_view kChange = "When the container changes";

constexpr std::array kWorker{
    SettingRow<WorkerSettings>{
        .name = "COMMAND",
        .type = "command",
        .accepted = R"(a JSON array such as ["nginx","-g","daemon off;"], or words with quotes)",
        .unit = {},
        .group = kWhat,
        .help = "the program and its arguments; no shell reads it",
        .default_words = "",
        .read = read_command,
        .show = [](const WorkerSettings& worker) { return format_command(worker.command); }},
    row<&WorkerSettings::plugin>(
        "PLUGIN", {kWhat, "instead of COMMAND: a shared object whose task the daemon hosts"}),
    SettingRow<WorkerSettings>{
        .name = "PLUGIN_ARGS",
        .type = "command",
        .accepted = R"(a JSON array such as ["--port","8080"], or words with quotes)",
        .unit = {},
        .group = kWhat,
        .help = "the plugin's arguments",
        .default_words = "",
        .read = read_plugin_args,
        .show = [](const WorkerSettings& worker) { return format_command(worker.plugin_args); }},
    row<&WorkerSettings::cwd>("CWD", {kWhat, "the directory it starts in", {}, "the daemon's own"}),
    row<&WorkerSettings::stdin_mode>(
        "STDIN", {kWhat, "the daemon's own standard input, or none", {}, "null; main: inherit"}),
    SettingRow<WorkerSettings>{.name = "ENV_",
                               .type = "text",
                               .accepted = "any text",
                               .unit = {},
                               .group = kWhat,
                               .help = "ENV_<VAR> gives it the variable VAR, verbatim",
                               .default_words = "",
                               .suffix = "VAR",
                               .read = read_variable,
                               .show = show_variables,
                               .allows_empty = true,
                               .each = each_variable},
    row<&WorkerSettings::after>("AFTER",
                                {kOrder, "started after these workers, stopped before them"}),
    row<&WorkerSettings::optional>("OPTIONAL", {kOrder, "/readyz does not wait for it"}),
    row<&WorkerSettings::critical>(
        "CRITICAL",
        {kOrder, "when it ends, the container ends with its code", {}, "false; main: true"}),
    row<&WorkerSettings::restart>(
        "RESTART", {kRestart, "when it is started again", {}, "always; main: never"}),
    row<&WorkerSettings::restart_delay>(
        "RESTART_DELAY", {kRestart, "before the first retry; doubles each time, jittered"}),
    row<&WorkerSettings::restart_max_delay>("RESTART_MAX_DELAY",
                                            {kRestart, "the delay never grows beyond this"}),
    row<&WorkerSettings::restart_reset>(
        "RESTART_RESET", {kRestart, "after running this long the delay begins anew"}),
    row<&WorkerSettings::success_codes>("SUCCESS_CODES",
                                        {kRestart, "exit codes that are no failure, beside 0"}),
    row<&WorkerSettings::stop_signal>("STOP_SIGNAL", {kStop, "the signal that asks it to stop"}),
    row<&WorkerSettings::stop_timeout>("STOP_TIMEOUT",
                                       {kStop,
                                        "from that signal to SIGKILL, if it has not ended",
                                        {},
                                        "10s; main: the whole shutdown"}),
    row<&WorkerSettings::log>("LOG", {kStop,
                                      "its output: passed on, prefixed, as JSON lines, or dropped",
                                      {},
                                      "prefix, or json with LOG_FORMAT=json; main: inherit"}),
    row<&WorkerSettings::cpu>(
        "CPU", {kBudget, "its processors: a cap where cgroups are writable, and what it is told"}),
    row<&WorkerSettings::memory>(
        "MEMORY", {kBudget, "its memory: a cap where cgroups are writable, and what it is told"}),
    row<&WorkerSettings::memory_high>(
        "MEMORY_HIGH", {kBudget, "from here on the kernel slows it down and reclaims; cgroup v2"}),
    row<&WorkerSettings::cpu_weight>(
        "CPU_WEIGHT",
        {kBudget, "its part of busy processors among the others', 100 being everybody's"}),
    row<&WorkerSettings::memory_weight>(
        "MEMORY_WEIGHT", {kBudget, "its part of the memory that no worker's MEMORY claims"}),
    row<&WorkerSettings::pids>("PIDS", {kBudget, "at most this many processes and threads"}),
    row<&WorkerSettings::oom_score>(
        "OOM_SCORE_ADJ",
        {kBudget, "how soon the kernel kills it when memory is out, 1000 being first"}),
    SettingRow<WorkerSettings>{
        .name = "RLIMIT_",
        .type = "limit",
        .accepted =
            "a number, a size for those in bytes, or unlimited; soft:hard such as 1024:4096",
        .unit = {},
        .group = kBudget,
        .help = "RLIMIT_<NAME> sets a limit of setrlimit(2): RLIMIT_NOFILE, RLIMIT_CORE",
        .default_words = "the daemon's own",
        .suffix = "NAME",
        .read = read_resource_limit,
        .show = show_resource_limits,
        .each = each_resource_limit},
    row<&WorkerSettings::rightsize>(
        "RIGHTSIZE", {kChange,
                      "its right-sizing variables: a profile, or programs that get their flags too",
                      {},
                      "the daemon's"}),
    row<&WorkerSettings::on_resize>(
        "ON_RESIZE", {kChange, "what is done to it when the container's limits have changed"}),
    row<&WorkerSettings::on_memory>(
        "ON_MEMORY",
        {kChange, "what is done to it, the one that grew most, when memory gets short"}),
};

template <class Owner>
std::string default_of(const SettingRow<Owner>& row) {
    return row.default_words.empty() ? row.show(Owner{}) : std::string(row.default_words);
}

}  // namespace

std::span<const SettingRow<Settings>> global_settings() { return kGlobal; }
std::span<const SettingRow<WorkerSettings>> worker_settings() { return kWorker; }

std::string default_text(const SettingRow<Settings>& row) { return default_of(row); }
std::string default_text(const SettingRow<WorkerSettings>& row) { return default_of(row); }

std::string worker_variable_prefix(std::string_view worker) {
    std::string prefix(kWorkerPrefix);
    for (const char c : worker) {
        const bool small = c >= 'a' && c <= 'z';
        prefix.push_back(small ? static_cast<char>(c - 'a' + 'A') : (c == '-' ? '_' : c));
    }
    prefix.push_back('_');
    return prefix;
}

}  // namespace pilotfish::config
