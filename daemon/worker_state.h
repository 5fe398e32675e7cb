// The life of a worker: its states and the one table of transitions between them.
//
// Plain values; any thread; nothing blocks or fails.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace pilotfish::daemon {

enum class WorkerState : std::uint8_t {
    waiting,   // not started yet: what it comes AFTER has not started
    starting,  // its process is being made
    running,   // its process runs, readiness not told yet
    ready,     // its process runs and is ready; without a READY setting at once
    stopping,  // it was told to end, or its process ended and what it left behind is being ended
    backoff,   // it ended and will be started again at the time it says
    finished,  // it ended, as its policy allows, and will not be started again
    failed,    // it ended badly and will not be started again
};

enum class WorkerEvent : std::uint8_t {
    released,        // everything it comes AFTER has started
    spawned,         // exec succeeded
    spawn_failed,    // exec, or something before it, failed
    became_ready,    // it said so, or there is nothing to wait for
    stop_requested,  // by us, a user or the end of the container
    process_ended,   // its process ended by itself
    will_restart,    // its group is gone and its policy starts it again
    done_well,       // its group is gone, it will not be started again, its end was a good one
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

// Its process exists (or is being ended).
bool has_process(WorkerState state) noexcept;
// It will never run again.
bool is_over(WorkerState state) noexcept;

}  // namespace pilotfish::daemon
