// What a worker runs, one run after another: a child process (daemon/process_run.h) or a hosted
// task (daemon/hosted_run.h). The worker owns the life, with its states and policies; a WorkerRun
// knows how this kind of thing is started, asked to stop, and ended when it does not.
//
// Thread-safety: start, leftovers and the like: the worker's life alone; the others are said to be
// for any thread. Ownership: the worker owns it; the listener is borrowed and outlives it. Blocks:
// nothing but the start. Fails: a start, by a RunEnd; what runs, by the RunEnd it is reported with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/child_group.h"
#include "core/log.h"
#include "core/task.h"
#include "daemon/exit_status.h"
#include "daemon/handover.h"
#include "daemon/signal_source.h"

namespace pilotfish::daemon {

enum class EndReason : std::uint8_t {
    exited,        // by itself or asked, with a code
    signalled,     // a signal killed it
    oom_killed,    // the kernel killed it for want of memory
    threw,         // an exception left a hosted task
    left_behind,   // a hosted task that did not stop: it still runs, and is no worker any more
    start_failed,  // there never was a run
    unhealthy,     // we ended it: not ready in time, LIVENESS failed, or its watchdog was missed
};
// As restarts are counted by: "exit", "signal", "oom", "exception", "left_behind", "start_failed",
// "unhealthy" (which is counted by its own reason: daemon/health_run.h).
std::string_view name_of(EndReason reason) noexcept;

// How a run ended.
struct RunEnd {
    EndReason reason = EndReason::exited;
    ExitStatus status;
    // "exited with code 3", "threw std::runtime_error: no such table"; of a failed start the whole
    // story, beginning with "cannot".
    std::string sentence;
    std::uint64_t cpu_ns = 0;  // what it used, where the system tells
};

// Any thread, under locks of the caller's: only hand the news on.
class RunListener {
  public:
    virtual void run_ready() = 0;
    virtual void run_ended(RunEnd end) = 0;  // once a run
    virtual void run_suspended() = 0;        // by the terminal's job control

  protected:
    ~RunListener() = default;
};

class WorkerRun {
  public:
    virtual ~WorkerRun() = default;

    // The next run. Its end is reported to the listener; a start that failed is returned.
    virtual core::Task<std::optional<RunEnd>> start() = 0;
    // The worker is to stop: a start that waits for something else first fails soon, the current
    // one or, when there is none, the next. Any thread.
    virtual void abandon_start() {}
    // That stop is done with, and the worker wanted again.
    virtual void allow_start() {}
    // It does not say by itself when it is ready: it is as soon as it runs.
    virtual bool ready_at_once() const = 0;
    // Of the current run; -1: none, or it is no process. Any thread.
    virtual pid_t pid() const = 0;

    // Asks it to end. Requires: a run.
    virtual void ask_to_stop(const ReceivedSignal& signal) = 0;
    // It did not end in time: makes sure that its end is reported. Any thread. Requires: a run.
    virtual void end_by_force() = 0;
    // "killing it": what the log says before that.
    virtual std::string_view force_words() const = 0;
    // A signal from outside, kept until the first run is there; false: nobody takes it. Any thread.
    virtual bool forward(const ReceivedSignal& signal) = 0;
    // It was stopped by the terminal's job control, and so are we.
    virtual void suspend_with_it() = 0;

    // The end of the run was heard: what belonged to it is let go of.
    virtual void over(EndReason reason) = 0;
    // Something that the run left behind is still there. closely: look whether it only seems so.
    virtual bool has_leftovers(bool closely) = 0;
    // What the log says when that is done.
    virtual std::string_view leftover_words() const = 0;
    virtual void end_leftovers_by_force() = 0;
    // The last of a run, also of one that never began, when nothing of it is left: its POST_STOP.
    virtual core::Task<void> finish() { co_return; }

    // Into and out of an upgrade in place. Requires for save(): the worker's life rests; for
    // adopt(): no run yet.
    virtual void save(RunHandover&) const {}
    virtual void adopt(const WorkerHandover&) {}

    // The directories of its child group, also after its end; empty: it has none. Any thread.
    virtual std::vector<cgroup::GroupPlace> group_places() const { return {}; }
};

// The log line of a worker: "web exited with code 3", but "web: cannot start ...".
void say_of_worker(std::string_view worker, core::LogLevel level, std::string_view line);

}  // namespace pilotfish::daemon
