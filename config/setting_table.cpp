#include "config/setting_table.h"

#include <array>
#include <vector>

#include "config/instances.h"
#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

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
    row<&Settings::config_file>(
        "CONFIG", {kRun, "JSON file with settings and workers; the environment wins over it"}),
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
    row<&Settings::restart_budget>(
        "RESTART_BUDGET",
        {kRun, "restarts of all workers together in a time; the others wait; off: no limit"}),
    row<&Settings::stop_timeout>("STOP_TIMEOUT",
                                 {kSignals, "the whole shutdown; then every descendant is killed"}),
    row<&Settings::drain_delay>(
        "DRAIN_DELAY", {kSignals, "from /readyz turning 503 to the first signal to a worker"}),
    row<&Settings::termination_log>("TERMINATION_LOG",
                                    {kSignals,
                                     "file that the verdict is appended to, for Kubernetes",
                                     {},
                                     "/dev/termination-log if writable"}),
    row<&Settings::exit_with>(
        "EXIT_WITH",
        {kSignals, "in a shared PID namespace: end when the process of this name ends"}),
    row<&Settings::admin_listen>("ADMIN_LISTEN", {kAdmin, "where the admin plane listens"}),
    row<&Settings::probe_listen>(
        "PROBE_LISTEN", {kAdmin, "where /livez /readyz /startupz alone are served: [::]:9912"}),
    row<&Settings::metrics_listen>("METRICS_LISTEN",
                                   {kAdmin, "where /metrics and nothing else is served"}),
    row<&Settings::control_socket>(
        "CONTROL_SOCKET", {kAdmin, "where pilotfish status, stop and the like talk to the daemon"}),
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

template <class Owner>
std::string default_of(const SettingRow<Owner>& row) {
    return row.default_words.empty() ? row.show(Owner{}) : std::string(row.default_words);
}

std::vector<SettingRow<WorkerSettings>> all_worker_settings() {
    std::vector<SettingRow<WorkerSettings>> rows;
    for (const auto part : {what_runs_settings(), identity_settings(), order_settings(),
                            health_settings(), restart_settings(), stop_settings(), log_settings(),
                            budget_settings(), change_settings()}) {
        rows.insert(rows.end(), part.begin(), part.end());
    }
    return rows;
}

}  // namespace

std::span<const SettingRow<Settings>> global_settings() { return kGlobal; }
std::span<const SettingRow<WorkerSettings>> worker_settings() {
    static const std::vector<SettingRow<WorkerSettings>> rows = all_worker_settings();
    return rows;
}

std::string default_text(const SettingRow<Settings>& row) { return default_of(row); }
std::string default_text(const SettingRow<WorkerSettings>& row) { return default_of(row); }

std::string worker_variable_prefix(std::string_view worker) {
    std::string prefix(kWorkerPrefix);
    for (const char c : declared_name(worker)) {
        const bool small = c >= 'a' && c <= 'z';
        prefix.push_back(small ? static_cast<char>(c - 'a' + 'A') : (c == '-' ? '_' : c));
    }
    prefix.push_back('_');
    return prefix;
}

}  // namespace pilotfish::config
