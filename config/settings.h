// The settings as plain values: what the daemon is told to do. Names, units, defaults in words and
// help stand in config/setting_table.cpp; the defaults themselves are the initialisers here.
//
// Plain values: as thread-safe as int, own their text, nothing here blocks or fails.
// A new setting is one field here and one row there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/capability_set.h"
#include "config/identity.h"
#include "config/listen_address.h"
#include "config/probe_setting.h"
#include "config/quantity.h"
#include "config/rate_limit.h"
#include "config/resource_amount.h"
#include "config/schedule.h"
#include "config/signal_name.h"
#include "core/log.h"

namespace pilotfish::config {

// A choice's values stand in the order of its words in config/field_text.h.
enum class Rounding : std::uint8_t { ceil, floor, round };
enum class Rightsize : std::uint8_t { none, safe, all };
// automatic: for the workers that a limit or a weight was set for.
enum class ChildGroups : std::uint8_t { automatic, all, off };
enum class LogFormat : std::uint8_t { text, json };
enum class RestartPolicy : std::uint8_t { always, on_failure, never };
// service: is to run all the time. oneshot: runs to its end once. cron: runs at the times of its
// SCHEDULE.
enum class WorkerKind : std::uint8_t { service, oneshot, cron };
enum class StdinMode : std::uint8_t { inherit, null };
// file is written file:PATH: the path has a field of its own.
enum class WorkerLog : std::uint8_t { inherit, tee, prefix, json, none, file };

// Whose the signals are that reach the daemon. by_mode stays only where no mode is known (`check`
// without a command); under `run` and as an entrypoint it is resolved.
enum class SignalPolicy : std::uint8_t { forward, own, by_mode };

// The soft limit: off, a size, or a share of the container's limit.
struct MemoryLimitSetting {
    enum class Kind : std::uint8_t { share, size, off };
    Kind kind = Kind::share;
    double share = 0.9;  // Go's usual advice for GOMEMLIMIT: leave a tenth to what the heap is not
    Bytes size;
    bool operator==(const MemoryLimitSetting&) const = default;
};

// A worker's own choice: a profile, or the programs whose flags it gets beside the safe set.
struct RightsizeChoice {
    std::optional<Rightsize> profile;   // nullopt: programs has names
    std::vector<std::string> programs;  // "node", "java": as daemon/ knows them
    bool operator==(const RightsizeChoice&) const = default;
};

// PILOTFISH_DEBUG: lines for people who look for something, one an event, on stderr.
struct Debug {
    bool memtrace = false;  // each step that is taken because of memory
    bool operator==(const Debug&) const = default;
};

// Text that is never shown.
struct Secret {
    std::string text;
    bool empty() const { return text.empty(); }
    bool operator==(const Secret&) const = default;
};

// How many workers one declaration makes.
struct Instances {
    int count = 1;
    bool operator==(const Instances&) const = default;
};

// A path, or switched off.
struct OptionalPath {
    std::string path;  // empty: off
    bool operator==(const OptionalPath&) const = default;
};

// Where the command line talks to the daemon: chosen by it, a path, or nowhere.
struct ControlSocket {
    enum class Kind : std::uint8_t { automatic, path, off };
    Kind kind = Kind::automatic;
    std::string path = {};  // of Kind::path, absolute, at most 107 bytes (sockaddr_un)
    bool operator==(const ControlSocket&) const = default;
};

// As /proc shows it: the base name of a program, or what the kernel calls the process.
struct ProcessName {
    std::string text;  // empty: none
    bool operator==(const ProcessName&) const = default;
};

using Listeners = std::vector<ListenAddress>;  // empty: off
using ExitCodes = std::vector<std::uint8_t>;   // ascending, each once
using Names = std::vector<std::string>;
using Command = std::vector<std::string>;

// What holds for the whole daemon.
struct Settings {
    Names workers;  // as declared; Configuration::workers has what will run
    bool strict = true;
    std::string config_file;  // absolute; empty: none

    std::optional<int> maxprocs;  // nullopt: auto, follows the container
    Rounding maxprocs_rounding = Rounding::ceil;
    int maxprocs_min = 1;
    MemoryLimitSetting memory_limit;
    Duration limits_interval = std::chrono::seconds(1);  // 0: watches only
    Rightsize rightsize = Rightsize::safe;
    ChildGroups child_groups = ChildGroups::automatic;

    SignalPolicy signals = SignalPolicy::by_mode;
    bool subreaper = true;
    Duration stop_timeout = std::chrono::seconds(25);  // Kubernetes' grace of 30 s less a margin
    Duration drain_delay = Duration::zero();
    RateLimit restart_budget;  // restarts of all workers together; beyond it they wait
    OptionalPath termination_log{"/dev/termination-log"};  // Kubernetes' default; need not exist

    // With a shared PID namespace: end when this process ends.
    ProcessName exit_with;

    Listeners admin_listen{{.host = "127.0.0.1", .port = 9911}};
    Listeners probe_listen;
    Listeners metrics_listen;
    ControlSocket control_socket;
    Secret admin_token;
    std::string admin_token_file;
    Secret read_token;
    std::string read_token_file;
    Duration livez_stall = std::chrono::seconds(30);

    LogFormat log_format = LogFormat::text;
    core::LogLevel log_level = core::LogLevel::info;
    Debug debug;
};

// What holds for one worker.
struct WorkerSettings {
    // As declared, "web-api", its variables saying WEB_API; of one of several instances "web@1".
    std::string name;

    // Life: what kind of thing it is, and which of several.
    WorkerKind kind = WorkerKind::service;
    std::optional<Schedule> schedule;  // of a cron worker, always
    Instances instances;
    int instance = 1;  // which of them this is, from 1 on

    Command command;      // a child process; empty with a plugin, and see load()
    std::string plugin;   // or a hosted task: the shared object that has it, an absolute path
    Command plugin_args;  // without a program's name before them
    std::string cwd;      // absolute; empty: the daemon's own
    StdinMode stdin_mode = StdinMode::null;
    std::vector<std::pair<std::string, std::string>>
        environment;  // ENV_<VAR>, as the user wrote it

    // As whom and how it runs; nothing said: as the daemon does.
    UserChoice user;
    GroupChoice group;
    std::optional<Umask> umask;
    EnvironmentFiles env_file;  // read at each start
    std::optional<Niceness> nice;
    std::optional<IoPriority> io_priority;
    std::optional<CapabilityChoice> capabilities;
    bool no_new_privs = false;
    std::optional<Signal> pdeathsig;
    Command pre_start;  // before each start, as the worker; empty: none
    Command post_stop;  // after each end

    // Each declared in the same configuration (all instances are meant), no cycles over both.
    Names after;
    Names needs;
    bool optional = false;
    bool critical = false;

    RestartPolicy restart = RestartPolicy::always;
    // Delay, cap and reset: chosen, not measured. The first retry is quick, ten failures reach the
    // cap.
    Duration restart_delay = std::chrono::milliseconds(100);
    Duration restart_max_delay = std::chrono::seconds(30);
    Duration restart_reset = std::chrono::seconds(60);
    RateLimit restart_limit;  // restarts beyond it are its end, a bad one
    ExitCodes success_codes;  // beside 0

    Signal stop_signal{15};
    Duration stop_timeout = std::chrono::seconds(10);  // Docker's own grace

    // Its log. Sizes and counts: chosen, not measured; 60 MiB of files, and a ring of about 1,000
    // lines of 100 B.
    WorkerLog log = WorkerLog::prefix;
    std::string log_file;                    // with WorkerLog::file; see config/log_path.h
    Bytes log_max_size{10u << 20};           // from which on a new file begins; 0: never
    int log_max_files = 5;                   // kept beside it; 0: none
    Bytes log_ring{std::size_t{128} << 10};  // of its last lines, for /v1/.../logs; 0: none

    // Readiness and liveness.
    ReadySetting ready;
    Duration ready_timeout = std::chrono::seconds(90);  // systemd's own for a start
    Duration ready_interval = std::chrono::seconds(1);
    // Interval, timeout and failures: Kubernetes' own of a probe.
    LivenessSetting liveness;
    Duration liveness_interval = std::chrono::seconds(10);
    Duration liveness_timeout = std::chrono::seconds(1);
    Count liveness_failures{3};
    bool livez = false;
    Duration watchdog = Duration::zero();  // 0: none

    // Its part of the container: the cap where cgroups are writable, the basis of hints everywhere.
    std::optional<CpuAmount> cpu;
    std::optional<MemoryAmount> memory;
    std::optional<MemoryAmount> memory_high;
    std::optional<Weight> cpu_weight;
    Weight memory_weight;  // of the memory that nobody claims
    std::optional<Count> pids;
    std::optional<OomScore> oom_score;
    std::vector<ResourceLimit> resource_limits;  // RLIMIT_<NAME>, each name once

    std::optional<RightsizeChoice> rightsize;  // nullopt: as the daemon's
    Reaction on_resize;
    Reaction on_memory;
};

// As declared: "web" of "web@1".
std::string_view declared_name(const WorkerSettings& worker);

}  // namespace pilotfish::config
