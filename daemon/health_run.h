// The health of one run of a worker: the wait until it is ready, what is asked of it while it runs,
// its keep-alive, and what it says by sd_notify(3).
//
//     HealthRun run(parts);
//     run.prepare(request);      // the notify socket, the descriptor, into what is spawned
//     run.begin(pid);            // it runs
//     run.note_ready();          // where something else tells of it
//     run.stopping();            // from here on nothing of it is a fault
//     co_await run.end();        // nothing of it goes on
//
// Each kind of watching is a task of its own; all of them end with end(). READY is asked until it
// holds once. A trouble is told once a run, with evidence gathered before anything is done.
//
// Thread-safety: prepare to end: the worker's life alone; note_ready(): any thread. Ownership: owns
// its tasks, sockets and pipes; borrows the parts, which outlive end(). Suspends: end(). Fails:
// prepare(), with a sentence; what is asked fails into the board.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "core/clock.h"
#include "core/event.h"
#include "core/owned_fd.h"
#include "core/result.h"
#include "core/task_group.h"
#include "daemon/handover.h"
#include "daemon/health_board.h"
#include "daemon/line_watch.h"
#include "daemon/notify_socket.h"
#include "daemon/process_table.h"

namespace pilotfish::daemon {

// Why a run is to be ended.
struct HealthTrouble {
    std::string reason;    // as its restart is counted: "not_ready", "liveness", "watchdog"
    std::string sentence;  // "did not say that it is alive for 10 s"
    int signal = 0;        // that is to end it; 0: its stop signal
};

// Any thread, in a task of the run: only hand the news on.
class HealthListener {
  public:
    virtual void health_ready() = 0;
    // evidence: what it was doing, a line each.
    virtual void health_trouble(HealthTrouble trouble, std::vector<std::string> evidence) = 0;
    // It asks for time until then: EXTEND_TIMEOUT_USEC while it stops.
    virtual void health_extends_stop(core::TimePoint until) = 0;

  protected:
    ~HealthListener() = default;
};

struct HealthParts {
    const config::WorkerSettings& settings;
    const config::LinePattern& ready_pattern;
    HealthBoard& board;
    HealthListener& listener;
    ProcessTable& processes;
};

class HealthRun {
  public:
    explicit HealthRun(HealthParts parts) : parts_(parts) {}
    ~HealthRun();
    HealthRun(const HealthRun&) = delete;
    HealthRun& operator=(const HealthRun&) = delete;

    // request: of the run that is about to be spawned; what the probes' commands run as is taken
    // from it.
    core::Result<void> prepare(SpawnRequest& request);
    // nullptr: nobody looks at its lines.
    std::shared_ptr<LineWatch> line_watch() const { return line_watch_; }
    // pid: -1 of a hosted task, whose probes' commands run as `request` says.
    void begin(pid_t pid);
    void note_ready();
    void stopping() { stopping_.store(true, std::memory_order_relaxed); }
    // To the process that MAINPID= named, if it did: whoever asks the worker to stop means it too.
    void signal_main(int signal);
    core::Task<void> end();

    // An upgrade in place (daemon/health_handover.cpp). Between hold() and let_go(), both on one
    // thread, nothing that it says is read. Requires for save(): held.
    void hold() { reading_.lock(); }
    void let_go() { reading_.unlock(); }
    void save(HealthHandover& handover) const;
    // In the place of prepare() and begin(); what is asked of it is asked anew. A descriptor that
    // cannot be taken over is told of.
    void adopt(pid_t pid, const SpawnRequest& request, const HealthHandover& handover);
    // A trouble was found and its listener has not heard of it yet. Any thread.
    bool is_telling() const { return telling_.load(std::memory_order_acquire); }

  private:
    void keep_command(const SpawnRequest& request);
    void watch_lines();
    void watch(pid_t pid);
    bool hear(const ReceivedNotify& received);
    core::Task<void> watch_start();
    core::Task<void> ask_ready();
    core::Task<void> read_descriptor(core::AsyncFd pipe);
    bool has_said_line(int pipe, bool& ended);
    core::Task<void> ask_liveness();
    core::Task<void> watch_keep_alive();
    core::Task<void> hear_messages();

    core::Task<ProbeResult> ask(const config::ProbeTarget& target, core::Duration most,
                                Check check);
    core::Task<void> tell(HealthTrouble trouble);
    void become_ready();
    void take(const ReceivedNotify& received);
    void take_main_pid(pid_t process);
    void refuse(const std::string& what);

    const HealthParts parts_;
    pid_t pid_ = -1;
    std::optional<NotifySocket> socket_;
    std::shared_ptr<LineWatch> line_watch_;
    core::AsyncFd ready_pipe_;
    core::OwnedFd ready_pipe_write_;  // until begin(): the child has its own by then
    int ready_fd_ = -1;               // of the pipe, as long as it is read; guarded by reading_
    std::mutex reading_;              // over one look at socket or pipe and what becomes of it
    std::optional<SpawnRequest> command_request_;

    core::TaskGroup tasks_;
    core::Event ready_;
    core::Event keep_alive_changed_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> told_{false};
    std::atomic<bool> telling_{false};
    bool refused_said_ = false;  // of hear_messages() alone

    mutable std::mutex mutex_;
    std::optional<core::TimePoint> ready_deadline_;
    core::Duration keep_alive_interval_{};  // 0: it need not
    core::TimePoint last_alive_{};
    core::OwnedFd main_pidfd_;
};

}  // namespace pilotfish::daemon
