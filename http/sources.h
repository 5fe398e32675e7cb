// Where the admin plane's pages come from: plain views, and one interface that the daemon
// implements and the tests fill with canned values. http/ knows nothing else of the daemon.
//
// Threads: every function is called from http's own threads, at any time, several at once.
// Ownership: views are plain values that own their text.
// Blocks: liveness, readiness and startup run on the thread that owns all sockets: they read
// atomics or a snapshot and never wait for a lock that is held while something else is waited for.
// The others run on a small pool; they may take short locks, and should not wait for the scheduler.
// Fails: never; what is not known is nullopt or empty, and the pages leave it out or say null.
// Units: bytes, seconds as double, processors as a fraction of whole ones; totals only grow.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/limits.h"
#include "http/body_stream.h"
#include "http/control.h"
#include "http/event_feed.h"
#include "http/finding.h"
#include "http/log_feed.h"

namespace pilotfish::http {

// One reason a probe looked at, good or bad: {"heartbeat", true, "12 ms old"}.
struct Cause {
    std::string name;
    bool ok = true;
    std::string detail;
};

struct HealthView {
    bool ok = true;
    std::vector<Cause> causes;  // all that were looked at, for ?verbose
};

struct BuildView {
    std::string version;   // "0.1.0"
    std::string compiler;  // "gcc 12.2.0"
    std::string target;    // "x86_64-linux-gnu"
    std::string revision;  // of the source, empty when not known
};

// A distribution: counts[i] values fell at or below upper_bounds[i] and above the bound before it;
// the last of counts, one more than there are bounds, holds what lay above all bounds.
struct HistogramView {
    std::vector<double> upper_bounds;  // seconds, rising
    std::vector<std::uint64_t> counts;
    double sum = 0;
};

struct TaskStateCount {
    std::string state;  // "running", "runnable", "waiting", ...
    std::uint64_t tasks = 0;
};

// The coroutine runtime and this process's memory.
struct RuntimeView {
    double uptime_seconds = 0;
    double start_time_seconds = 0;  // since the epoch
    double heartbeat_age_seconds = 0;
    std::uint64_t tasks = 0;
    std::vector<TaskStateCount> tasks_by_state;
    std::uint64_t tasks_spawned = 0;
    std::uint64_t tasks_finished = 0;
    int maxprocs = 0;  // processors of the scheduler
    int processors_idle = 0;
    int num_cpu = 0;            // processors this process may run on
    std::uint64_t threads = 0;  // of this process
    std::uint64_t steals = 0;
    std::uint64_t parks = 0;
    std::uint64_t blocking_calls_now = 0;
    std::uint64_t blocking_calls = 0;
    HistogramView schedule_latency;  // from runnable to running
    struct Memory {
        std::uint64_t alloc_bytes = 0;     // in live objects
        std::uint64_t inuse_bytes = 0;     // in pages with live objects
        std::uint64_t idle_bytes = 0;      // held, without live objects
        std::uint64_t released_bytes = 0;  // given back to the system
        std::uint64_t sys_bytes = 0;       // obtained from the system
        std::uint64_t resident_bytes = 0;  // of the whole process
        std::uint64_t mallocs = 0;
        std::uint64_t frees = 0;
        std::uint64_t reclaim_cycles = 0;
        double reclaim_pause_seconds = 0;          // total
        std::optional<std::uint64_t> limit_bytes;  // the budget of this process's own heap
        std::uint64_t shrinks = 0;                 // steps of reclaim cycles
        std::uint64_t purges = 0;
        std::uint64_t brakes = 0;  // how often spawning was slowed down
        std::uint64_t held = 0;    // waits for memory that this has caused
    } memory;
};

// What was read of the container, and what pilotfish made of it.
struct LimitsView {
    core::Limits limits;
    core::DerivedLimits derived;
};

// Time some (or all) tasks of the container waited for a resource: PSI's totals.
struct PressureView {
    std::string resource;  // "cpu", "memory", "io"
    double some_seconds = 0;
    std::optional<double> full_seconds;
    std::optional<double> some_percent;  // of the last ten seconds
    std::optional<double> full_percent;
};

// Of all levels with a memory limit the one that is fullest.
struct HeadroomView {
    double load = 0;  // its working set over its limit: 1 is full
    std::uint64_t left_bytes = 0;
    std::uint64_t limit_bytes = 0;
    std::string level;      // the file that says the limit
    bool at_least = false;  // the level is hidden, and its load may be more
};

struct MemoryEventView {
    std::string event;  // "low", "high", "max", "oom", "oom_group_kill"
    std::uint64_t times = 0;
};

// What the container uses; nullopt where its cgroup does not tell.
struct UsageView {
    std::optional<double> cpu_seconds;
    std::optional<std::uint64_t> cpu_periods;
    std::optional<std::uint64_t> cpu_throttled_periods;
    std::optional<double> cpu_throttled_seconds;
    std::optional<double> cpu_throttled_ratio;  // of the periods of the last ten seconds
    std::optional<std::uint64_t> cpu_burst_periods;
    std::optional<double> cpu_burst_seconds;
    std::optional<std::uint64_t> memory_usage_bytes;
    std::optional<std::uint64_t> memory_working_set_bytes;  // usage less inactive file pages
    std::optional<std::uint64_t> memory_peak_bytes;
    std::optional<std::uint64_t> memory_swap_bytes;
    std::optional<std::uint64_t> memory_oom_kills;
    std::vector<MemoryEventView> memory_events;
    std::uint64_t memory_pressure_events = 0;  // times that the kernel told of it
    std::optional<HeadroomView> headroom;
    std::optional<std::uint64_t> pids;
    std::optional<std::uint64_t> pids_limit;
    std::vector<PressureView> pressure;
};

struct RestartCount {
    std::string reason;  // "exit", "signal", "liveness", "request", ...
    std::uint64_t restarts = 0;
};

// Steps that were taken to save the container's memory, or withheld.
struct MemoryStepCount {
    std::string step;  // "signal", "restart", "warn", "withheld"
    std::uint64_t steps = 0;
};

// What came of asking a worker, or of waiting for its word.
struct HealthCheckView {
    std::string check;   // "ready", "liveness", "watchdog"
    bool ok = false;     // the latest
    std::string detail;  // of the latest: "answered 503"
    std::string output;  // of the latest: the end of what it wrote or answered
    double age_seconds = 0;
    double took_seconds = 0;
    std::uint64_t tries = 0;     // of all runs
    std::uint64_t failures = 0;  // of all runs
    std::uint64_t failures_in_a_row = 0;
};

struct WorkerView {
    std::string name;                // "web", an instance "web@1"
    std::string kind;                // "service", "oneshot", "cron"
    bool hosted = false;             // a plugin's task in the daemon itself
    int instance = 1;                // which of several of one declaration
    std::string schedule;            // of a cron worker
    std::uint64_t runs_skipped = 0;  // its times at which a run still went on
    std::uint64_t runs_missed = 0;   // and those that the clock passed over
    std::string state;  // "waiting", "starting", "ready", "running", "stopping", "backoff", ...
    bool up = false;    // a process (or task) runs
    bool ready = false;
    bool critical = false;
    std::optional<int> pid;
    std::optional<double> uptime_seconds;  // of the current run
    std::uint64_t starts = 0;
    std::uint64_t left_behind = 0;       // runs of a plugin that did not stop and go on
    std::vector<RestartCount> restarts;  // by reason, each reason that occurred
    std::optional<int> exit_code;        // of the last run: its own, or 128+n
    std::optional<int> exit_signal;      // that ended the last run
    std::string exit_reason;             // "exit", "signal", "oom", ... empty: not yet
    std::string exit_text;               // "exited with code 3 after 2 s"
    // From now, in backoff; of a cron worker that waits: to its next run.
    std::optional<double> next_try_seconds;
    std::string health;                   // what is wrong, in a line; empty: nothing
    std::string status;                   // its own words, by sd_notify; empty: none
    std::vector<HealthCheckView> checks;  // each that was made
    std::uint64_t oom_kills = 0;          // of its processes, as far as it can be told
    double cpu_seconds = 0;               // user and system, all runs
    std::optional<std::uint64_t> resident_bytes;
    std::optional<std::uint64_t> memory_budget_bytes;  // what its runtime should stay below
    std::vector<MemoryStepCount> memory_steps;         // each step that occurred
    std::optional<std::uint64_t> open_files;
    std::uint64_t log_lines = 0;
    std::uint64_t log_lines_dropped = 0;
};

// A setting as `pilotfish check` shows it: secrets are blank.
struct SettingView {
    std::string variable;
    std::string worker;  // empty: of the daemon
    std::string value;   // empty: unset
    std::string source;  // the variable, the file's path, "command line", "mode" or "default"
    bool is_default = true;
};

enum class TaskDump {
    grouped,  // debug=1: one entry per distinct stack with its count
    full,     // debug=2: every task with its chain of awaiting frames, in Go's layout
};

class Sources {
  public:
    virtual ~Sources() = default;

    // On the thread that owns all sockets: must not block (see above).
    virtual HealthView liveness() const = 0;
    virtual HealthView readiness() const = 0;
    virtual HealthView startup() const = 0;

    virtual BuildView build() const = 0;
    virtual RuntimeView runtime() const = 0;
    virtual LimitsView limits() const = 0;
    virtual UsageView usage() const = 0;
    virtual std::vector<WorkerView> workers() const = 0;
    // nullopt: no worker of that name.
    virtual std::optional<WorkerView> worker(const std::string& name) const = 0;
    // Likewise; the lines of the worker, or why there are none.
    virtual std::optional<LogAnswer> log_of(const std::string& worker) const = 0;
    virtual std::vector<SettingView> configuration() const = 0;
    virtual EventFeed& events() const = 0;
    // nullptr: nothing can be changed here.
    virtual Control* control() const { return nullptr; }
    virtual std::unique_ptr<BodyStream> dump_tasks(TaskDump kind) const = 0;
    // This process's arguments, secrets blanked.
    virtual std::vector<std::string> command_line() const = 0;
    // Which diagnostics work here, tried anew; blocks for a millisecond.
    virtual std::vector<Finding> diagnostics() const = 0;
};

}  // namespace pilotfish::http
