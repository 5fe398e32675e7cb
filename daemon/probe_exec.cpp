// The one danger is a name that is used too late: the leader is killed by its pidfd, and what else
// is in its group by the process table, which signals it while the leader is still a zombie. So no
// signal goes to a number that may have become somebody else's.
#include "daemon/probe_exec.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <mutex>
#include <string>

#include "core/async_fd.h"
#include "core/event.h"
#include "core/owned_fd.h"
#include "core/pidfd.h"
#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// Lives until the process was reaped, whoever has stopped waiting for it by then.
class Command final : public ProcessListener {
  public:
    ~Command() {
        if (pidfd_ >= 0) close(pidfd_);
    }

    static core::Task<SpawnResult> start(std::shared_ptr<Command> command, ProcessTable& processes,
                                         const SpawnRequest& request) {
        command->self_ = command;  // before it can end
        SpawnResult result = co_await processes.start(request, *command, SIGKILL);
        const std::lock_guard lock(command->mutex_);
        if (!result.process) {
            command->self_.reset();
        } else {
            command->pidfd_ = result.process->pidfd;
        }
        co_return result;
    }

    void kill() {
        const std::lock_guard lock(mutex_);
        if (pidfd_ >= 0) core::send_signal(pidfd_, SIGKILL);
    }

    void process_ended(const ProcessEnd& end) override {
        std::shared_ptr<Command> keep;
        {
            const std::lock_guard lock(mutex_);
            status_ = end.status;
            keep = std::move(self_);
        }
        ended.set();
    }
    void process_stopped(pid_t) override {}

    ExitStatus status() const {
        const std::lock_guard lock(mutex_);
        return status_;
    }
    void append(std::string_view text) {
        const std::lock_guard lock(mutex_);
        output_.append(text);
        if (output_.size() > kMostProbeOutputBytes)
            output_.erase(0, output_.size() - kMostProbeOutputBytes);
    }
    std::string output() const {
        const std::lock_guard lock(mutex_);
        return output_;
    }

    core::Event ended;
    core::Event read_all;

  private:
    mutable std::mutex mutex_;
    std::shared_ptr<Command> self_;
    int pidfd_ = -1;
    ExitStatus status_;
    std::string output_;
};

core::Task<void> read_output(core::AsyncFd pipe, std::shared_ptr<Command> command) {
    char buffer[4096];
    for (;;) {
        const ssize_t count = read(pipe.get(), buffer, sizeof buffer);
        if (count > 0) {
            command->append({buffer, static_cast<std::size_t>(count)});
            co_await core::yield();  // who writes without end does not hold the processor
            continue;
        }
        if (count == 0 || (errno != EAGAIN && errno != EINTR)) break;
        const core::Wake wake = co_await pipe.readable();
        if (wake == core::Wake::closed) break;
    }
    command->read_all.set();
}

// However the asking ends, nothing of it goes on.
struct Ending {
    std::shared_ptr<Command> command;
    core::JoinHandle<void> reader;
    ~Ending() {
        command->kill();
        if (reader) reader.cancel();
    }
};

ProbeResult failed(std::string detail) { return {false, std::move(detail), {}}; }

}  // namespace

core::Task<ProbeResult> probe_by_command(ProcessTable& processes, SpawnRequest request,
                                         core::TimePoint deadline) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        co_return failed(core::system_error("make a pipe for its output", errno).message);
    core::OwnedFd write_end(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    auto pipe = core::AsyncFd::adopt(ends[0]);
    if (!pipe) co_return failed(pipe.error().message);
    request.stdin_fd = kNullDevice;
    request.stdout_fd = request.stderr_fd = write_end.get();

    auto command = std::make_shared<Command>();
    const SpawnResult started = co_await Command::start(command, processes, request);
    write_end.close();
    if (!started.process) co_return failed(started.error.error.message);

    Ending ending{command, {}};
    core::Task<void> reading = read_output(std::move(*pipe), command);
    ending.reader = core::spawn(std::move(reading), {.name = "probe output"});
    const core::Wake wake = co_await command->ended.wait(deadline);
    ProbeResult result;
    if (wake == core::Wake::timed_out) {
        result.detail = "did not end in time";
    } else {
        const ExitStatus status = command->status();
        result.ok = status.signal == 0 && status.code == 0;
        result.detail = sentence_of(status);
        // Its group is dead, so the pipe is at its end, unless somebody has left the group.
        const core::TimePoint patience = core::runtime_now() + milliseconds(100);
        const core::Wake all = co_await command->read_all.wait(patience);
        static_cast<void>(all);
    }
    result.output = command->output();
    co_return result;
}

}  // namespace pilotfish::daemon
