// The life of a worker: its states and the one table of transitions between them.
//
// Plain values; any thread; nothing blocks or fails.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pilotfish::daemon {

enum class WorkerState : std::uint8_t {
    waiting,   // for what it comes AFTER or NEEDS; a cron worker: for its next time
    starting,  // its process is being made, its plugin being loaded
    running,   // it runs, readiness not told yet
    ready,     // it runs and is ready; a process at once, a plugin when it says so
    stopping,  // it was told to end, or it ended and what it left behind is being ended
    backoff,   // it ended and will be started again at the time it says
    finished,  // it ended, as its policy allows or as it was asked, and stays so until asked
    failed,    // it ended badly, or cannot be started, and stays so until asked
};

enum class WorkerEvent : std::uint8_t {
    released,        // everything it comes AFTER has started, all it NEEDS is ready
    need_lost,       // something it NEEDS has ended and will not be ready any more
    due,             // a time of its schedule has come
    start_asked,     // by a user
    started,         // exec succeeded, or the hosted task was spawned
    start_failed,    // exec, the loading of a plugin, or something before it, failed
    became_ready,    // it said so, or there is nothing to wait for
    stop_requested,  // by us, a user or the end of the container
    restart_asked,   // it is to end and to begin anew
    ended,           // it ended by itself
    will_restart,    // nothing is left of the run and its policy starts it again
    begins_anew,     // nothing is left of the run, and it was asked to restart
    will_wait,       // nothing is left of the run, and its schedule has another
    done_well,       // nothing is left, it will not be started again, its end was a good one
    done_badly,      // the same with a bad end
    delay_over,      // the back-off has passed
};

struct WorkerTransition {
    WorkerState from;
    WorkerEvent event;
    WorkerState to;
};

// Every transition there is; anything else is a bug of ours.
std::span<const WorkerTransition> worker_transitions() noexcept;

// Requires: the table has (from, event).
WorkerState next_state(WorkerState from, WorkerEvent event);

std::string_view name_of(WorkerState state) noexcept;
std::string_view sentence_of(WorkerState state) noexcept;
std::string_view name_of(WorkerEvent event) noexcept;

// It runs, or what is left of it is being ended.
bool is_up(WorkerState state) noexcept;
// It will not run again unless a user asks.
bool is_over(WorkerState state) noexcept;

}  // namespace pilotfish::daemon
