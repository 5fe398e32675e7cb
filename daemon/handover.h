// What one image of the daemon hands to the next when it is upgraded in place: everything that the
// kernel does not keep over an execve(2) by itself, and the numbers of the descriptors it does.
//
// Plain values; any thread; owns its text, borrows the descriptors: numbers of this process, valid
// in both images. Nothing blocks or fails. Times are CLOCK_MONOTONIC in nanoseconds, which the
// kernel counts on over an exec.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pilotfish::daemon {

// A pipe of a worker's output, and the head of the line that has not come to its end.
struct StreamHandover {
    int fd = -1;
    bool standard_error = false;
    std::string partial;     // any bytes
    bool continues = false;  // partial belongs to a line whose head was given already
};

// A run of a process. pid -1: there is none.
struct RunHandover {
    pid_t pid = -1;
    pid_t group = -1;  // -1: nothing is left of it
    int pidfd = -1;
    bool was_started = false;
    bool has_child_group = false;
    bool owes_post_stop = false;
    std::vector<int> held_signals;  // for the first run
    std::string end_reason;         // name_of(EndReason), of the last run
    int end_code = 0;
    int end_signal = 0;
};

struct LogHandover {
    std::uint64_t lines = 0;
    std::uint64_t lines_lost = 0;
    std::vector<StreamHandover> streams;
    // Its last lines: daemon/log_ring.h. newest 0: none.
    std::uint64_t ring_base = 0;
    std::uint64_t ring_newest = 0;
    std::string ring;  // any bytes
};

// Why a run is being ended.
struct TroubleHandover {
    std::string reason;  // empty: nothing is wrong
    std::string sentence;
    int signal = 0;
};

struct CheckHandover {
    std::string name;  // name_of(Check)
    std::uint64_t tries = 0;
    std::uint64_t failures = 0;
    std::uint64_t failures_in_a_row = 0;
    bool ok = false;
    std::string detail;
    std::string output;  // any bytes
    std::int64_t when_ns = 0;
    std::int64_t took_ns = 0;
};

// Spans, not times, where the pause is not to count.
struct HealthHandover {
    std::vector<CheckHandover> checks;
    std::string status;
    bool reloading = false;
    bool stopping = false;
    std::optional<int> error_number;
    std::uint64_t messages_refused = 0;
    bool live = true;

    // Of a run that goes on.
    bool has_run = false;
    bool is_ready = false;
    bool is_asked_to_end = false;
    int socket = -1;
    std::string address;
    int ready_pipe = -1;
    int main_pidfd = -1;
    std::optional<std::int64_t> ready_left_ns;
    std::int64_t keep_alive_ns = 0;
    std::int64_t silent_ns = 0;
};

// When a cron worker is due: wall times since 1970.
struct TimerHandover {
    std::int64_t seen_wall_ns = 0;
    std::int64_t seen_steady_ns = 0;
    std::int64_t next_wall_ns = 0;
    std::int64_t next_steady_ns = 0;
};

struct WorkerHandover {
    std::string name;
    // Name and value, as `check` shows them, of its settings that are not their default. If they
    // are others in the next image, the worker has changed.
    std::map<std::string, std::string> settings;
    int stop_signal = 15;  // by which a worker that the next image does not know any more is ended
    std::int64_t stop_timeout_ns = 0;

    std::string state;  // name_of(WorkerState)
    bool up = false;
    std::uint64_t starts = 0;
    std::int64_t started_ns = 0;
    std::map<std::string, std::uint64_t> restarts;
    bool has_ended = false;
    int end_code = 0;
    int end_signal = 0;
    std::string end_reason;  // name_of(EndReason)
    std::string end_text;
    std::optional<std::int64_t> next_try_ns;
    std::uint64_t ended_cpu_ns = 0;
    std::uint64_t left_behind = 0;

    bool stop_requested = false;
    std::optional<std::string> restart_reason;
    std::optional<std::int64_t> stop_deadline_ns;
    std::int64_t restart_series_ns = 0;
    bool killed_by_us = false;
    std::optional<int> terminal;  // the descriptor whose foreground it has

    bool released = false;
    bool waits_its_turn = true;
    bool has_started = false;
    bool was_stopped = false;
    bool limit_passed = false;
    bool start_requested = false;
    bool skip_told = false;
    bool has_room = false;  // in the budget, for the try that it waits for
    std::uint64_t runs_skipped = 0;
    std::uint64_t runs_missed = 0;
    std::vector<std::int64_t> restarts_ns;  // within the window of RESTART_LIMIT
    bool has_timer = false;
    TimerHandover timer;  // meaningful with that
    TroubleHandover trouble;

    RunHandover run;
    HealthHandover health;
    LogHandover log;
};

struct ListenerHandover {
    int kind = 0;         // http::ListenerKind
    std::string address;  // as the settings wrote it
    int fd = -1;
};

struct EventHandover {
    std::string time;
    std::string kind;
    std::string worker;
    std::string text;
    std::vector<std::pair<std::string, std::string>> fields;
};

struct Handover {
    std::string version;         // of the image that wrote it
    pid_t pid = 0;               // of the daemon, which stays the same
    std::uint64_t upgrades = 0;  // with this one
    std::int64_t paused_ns = 0;  // since when nobody reaps or reads

    std::vector<int> blocked_signals;  // as the first image was started
    bool sigpipe_ignored = false;
    bool sigchld_ignored = false;

    bool first_start_done = false;
    std::uint64_t orphans_reaped = 0;
    std::vector<WorkerHandover> workers;
    std::vector<std::string> over;  // names, in the order they ended
    std::string ended_critical;
    std::vector<std::string> withdrawn;   // of them: stopped by a user
    std::vector<std::int64_t> budget_ns;  // restarts booked in the container's budget
    std::vector<pid_t> helpers;           // commands of probes, which end with this image

    std::vector<ListenerHandover> listeners;
    std::uint64_t event_base = 0;
    std::uint64_t event_last = 0;
    std::vector<EventHandover> events;  // the last ones, without gaps
    std::string unwritten_out;          // bytes that waited for a slow reader
    std::string unwritten_err;
};

// Every descriptor that is named in it.
std::vector<int> descriptors_of(const Handover& handover);

}  // namespace pilotfish::daemon
