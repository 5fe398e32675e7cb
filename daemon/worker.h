// One worker: a command that is started, watched, restarted by its policy and ended, over one life.
//
// live() is the life, a coroutine; everything else hands it messages or reads its status.
// Thread-safety: every public member, any thread, but live() once. Ownership: owns its process's
// pidfd and pipes; borrows the context, which must outlive it. Blocks: nothing but the start of a
// process. Fails: never; a process that cannot be started is an end like any other, with code 125,
// 126 or 127.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/settings.h"
#include "core/async_fd.h"
#include "core/channel.h"
#include "core/task.h"
#include "daemon/log_stream.h"
#include "daemon/process_table.h"
#include "daemon/restart_delay.h"
#include "daemon/signal_source.h"
#include "daemon/signals_at_start.h"
#include "daemon/terminal.h"
#include "daemon/worker_state.h"

namespace pilotfish::daemon {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

class Worker;

// What a worker needs of its surroundings.
class WorkerContext {
  public:
    virtual ProcessTable& processes() = 0;
    virtual Output& standard_output() = 0;
    virtual Output& standard_error() = 0;
    virtual const SignalsAtStart& signals_at_start() const = 0;
    // The environment of the worker's next run: the user's, ours taken out, the hints put in.
    virtual std::vector<std::string> environment_for(const config::WorkerSettings& settings) = 0;
    // News of a worker. Any thread; must not block.
    virtual void worker_changed(Worker& worker) = 0;
    virtual void log_stream_opened() = 0;
    virtual void log_stream_closed() = 0;

  protected:
    ~WorkerContext() = default;
};

struct WorkerRole {
    bool inherit_descriptors = false;  // the entrypoint's own command
    std::string directory;             // without a CWD setting; empty: ours
    std::optional<Terminal> terminal;  // handed over on each start
    bool is_the_container = false;     // entrypoint mode: the verdict tells of its end
    // false: what it leaves behind is the container's matter, not its own (entrypoint mode).
    bool ends_its_group = true;
    // nullopt: the stop has no deadline of its own; the container's ends it.
    std::optional<std::chrono::nanoseconds> stop_timeout;
};

struct WorkerStatus {
    WorkerState state = WorkerState::waiting;
    pid_t pid = -1;        // of the current run; -1: none
    SteadyTime started{};  // of the current or last run
    std::uint64_t starts = 0;
    std::map<std::string, std::uint64_t> restarts;  // by reason: "exit", "signal", "start_failed"
    std::optional<ExitStatus> last_end;
    std::string last_end_text;           // "exited with code 3 after 1.2 s"
    std::optional<SteadyTime> next_try;  // in backoff
    std::uint64_t ended_cpu_ns = 0;      // of the runs that have ended
    std::uint64_t log_lines = 0;
    std::uint64_t log_lines_lost = 0;
};

class Worker final : ProcessListener {
  public:
    Worker(config::WorkerSettings settings, WorkerRole role, WorkerContext& context);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    core::Task<void> live();

    const config::WorkerSettings& settings() const { return settings_; }
    WorkerStatus status() const;
    WorkerState state() const;
    // Its last end was what its settings call a good one.
    bool ended_well() const;
    // The status a shell would give for its last end.
    int exit_code() const;

    // What it comes AFTER has started.
    void release();
    // Sends the stop signal (or this one) and lets it end for good.
    void stop(std::optional<ReceivedSignal> with = std::nullopt);
    // SIGKILL for its process and its group. Requires: has_process(state()).
    void kill_now();
    // Hands a signal on; before the process exists it is kept until it does. False: no process.
    bool forward(const ReceivedSignal& signal);

  private:
    struct Message {
        enum class Kind : std::uint8_t { released, stop, ended, stopped_by_terminal } kind;
        std::optional<ReceivedSignal> signal;
        ProcessEnd end{};
    };

    void process_ended(const ProcessEnd& end) override;
    void process_stopped(pid_t pid) override;

    bool start();
    core::Task<void> watch_process();
    core::Task<void> end_group();
    core::Task<void> back_off();
    core::Task<void> pump(core::AsyncFd pipe, std::shared_ptr<LogStream> stream, Output* output);

    void begin_stop(const std::optional<ReceivedSignal>& with);
    void note_end(const ExitStatus& status, std::uint64_t cpu_ns, std::string text);
    void decide();
    void apply(WorkerEvent event);
    bool open_log_pipe(int& write_end, Output& output, std::string_view stream_name);
    void say(core::LogLevel level, std::string_view line) const;

    const config::WorkerSettings settings_;
    const WorkerRole role_;
    WorkerContext& context_;
    core::Channel<Message> inbox_;
    RestartDelay restart_delay_;

    // The life's own, touched by live() alone.
    bool stop_requested_ = false;
    bool start_failed_ = false;
    std::optional<SteadyTime> stop_deadline_;
    pid_t group_ = -1;

    mutable std::mutex mutex_;
    WorkerStatus status_;
    int pidfd_ = -1;
    std::vector<ReceivedSignal> held_signals_;  // came before there was a process
    std::vector<std::shared_ptr<LogStream>> streams_;
};

}  // namespace pilotfish::daemon
