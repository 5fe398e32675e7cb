#include "daemon/command_run.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>

#include "core/async_fd.h"
#include "core/cancel.h"
#include "core/channel.h"
#include "core/owned_fd.h"
#include "core/pidfd.h"
#include "core/runtime.h"
#include "daemon/duration_text.h"

namespace pilotfish::daemon {
namespace {

using SteadyClock = std::chrono::steady_clock;

// For what is still in the pipes when the command has ended; only somebody who left its group can
// hold them open longer.
constexpr std::chrono::milliseconds kPipePatience{100};
constexpr std::size_t kLineInSentence = 200;  // bytes; chosen, not measured

class CommandRun final : ProcessListener {
  public:
    CommandRun(ProcessTable& processes, CommandRequest& request)
        : processes_(processes), request_(request) {}

    core::Task<CommandResult> run() {
        if (!make_pipes()) {
            result_.kind = CommandResult::Kind::not_started;
            result_.status.code = 125;
            co_return std::move(result_);
        }
        const std::stop_callback on_stop(request_.stop,
                                         [this] { inbox_.post({Message::Kind::stop, {}}); });
        // SIGKILL for its group at its end, while the group's name cannot be another one's.
        SpawnResult spawned = co_await processes_.start(request_.process, *this, SIGKILL);
        for (Stream& stream : streams_) stream.write_end.close();
        if (!spawned.process) {
            result_.kind = CommandResult::Kind::not_started;
            result_.status.code = spawned.error.exit_code;
            result_.sentence = std::move(spawned.error.error.message);
            co_return std::move(result_);
        }
        pidfd_ = core::OwnedFd(spawned.process->pidfd);
        auto output = core::spawn(pump(streams_[0]), {.name = "command output"});
        auto errors = core::spawn(pump(streams_[1]), {.name = "command output"});
        co_await wait();
        output.cancel();
        errors.cancel();
        co_await output;
        co_await errors;
        co_return std::move(result_);
    }

  private:
    struct Message {
        enum class Kind : std::uint8_t { ended, stop, stream_ended } kind;
        ExitStatus status;
    };
    struct Stream {
        bool is_error;
        core::AsyncFd read_end{};
        core::OwnedFd write_end{};
    };

    bool make_pipes() {
        for (Stream& stream : streams_) {
            int ends[2];
            if (pipe2(ends, O_CLOEXEC) != 0) return refuse(core::system_error("", errno));
            stream.write_end = core::OwnedFd(ends[1]);
            fcntl(ends[0], F_SETFL, O_NONBLOCK);
            auto adopted = core::AsyncFd::adopt(ends[0]);
            if (!adopted) return refuse(adopted.error());
            stream.read_end = std::move(*adopted);
        }
        request_.process.stdout_fd = streams_[0].write_end.get();
        request_.process.stderr_fd = streams_[1].write_end.get();
        return true;
    }

    bool refuse(const core::Error& error) {
        result_.sentence = "cannot start " + request_.process.command.front() +
                           ": make a pipe for its output: " + error.message;
        return false;
    }

    // Returns when the process has ended and its pipes are empty.
    core::Task<void> wait() {
        SteadyClock::time_point due = SteadyClock::now() + request_.timeout;
        bool told = false;
        bool ended = false;
        for (int streams = 2; !ended || streams > 0;) {
            auto received = co_await inbox_.receive(due);
            if (received.wake == core::Wake::timed_out) {
                if (ended) co_return;
                due = press(CommandResult::Kind::timed_out, told);
                continue;
            }
            if (!received.value) co_return;
            switch (received.value->kind) {
                case Message::Kind::stop:
                    if (!ended && !told) due = press(CommandResult::Kind::stopped, told);
                    break;
                case Message::Kind::stream_ended: --streams; break;
                case Message::Kind::ended:
                    ended = true;
                    note_end(received.value->status);
                    due = SteadyClock::now() + kPipePatience;
                    break;
            }
        }
    }

    // Asks it to end, or makes it. Returns when to come again.
    SteadyClock::time_point press(CommandResult::Kind why, bool& told) {
        const SteadyClock::time_point now = SteadyClock::now();
        if (!told) result_.kind = why;
        const bool asks = !told && request_.grace > std::chrono::nanoseconds::zero();
        core::send_signal(pidfd_.get(), asks ? SIGTERM : SIGKILL);
        if (asks) core::send_signal(pidfd_.get(), SIGCONT);
        told = true;
        // After a SIGKILL nothing but the end is left to wait for.
        return asks ? now + request_.grace : now + std::chrono::seconds(1);
    }

    void note_end(const ExitStatus& status) {
        result_.status = status;
        switch (result_.kind) {
            case CommandResult::Kind::timed_out:
                result_.sentence = "did not end within " + duration_text(request_.timeout);
                break;
            case CommandResult::Kind::stopped: result_.sentence = "was stopped"; break;
            case CommandResult::Kind::ended:
            case CommandResult::Kind::not_started: result_.sentence = sentence_of(status); break;
        }
    }

    core::Task<void> pump(Stream& stream) {
        try {
            char bytes[4096];
            for (;;) {
                const ssize_t length = read(stream.read_end.get(), bytes, sizeof bytes);
                if (length > 0) {
                    take(stream.is_error, {bytes, static_cast<std::size_t>(length)});
                    co_await core::yield();
                    continue;
                }
                if (length == 0 || (errno != EAGAIN && errno != EINTR)) break;
                const core::Wake wake = co_await stream.read_end.readable();
                if (wake == core::Wake::closed) break;
            }
        } catch (const core::Cancelled&) {
            // Nobody waits for the rest.
        }
        inbox_.post({Message::Kind::stream_ended, {}});
    }

    void take(bool is_error, std::string_view bytes) {
        if (request_.output) request_.output(is_error, bytes);
        const std::lock_guard lock(tail_mutex_);
        result_.output += bytes;
        if (result_.output.size() > 2 * kCommandTailBytes)
            result_.output.erase(0, result_.output.size() - kCommandTailBytes);
    }

    void process_ended(const ProcessEnd& end) override {
        inbox_.post({Message::Kind::ended, end.status});
    }
    void process_stopped(pid_t) override {}

    ProcessTable& processes_;
    CommandRequest& request_;
    Stream streams_[2] = {{.is_error = false}, {.is_error = true}};
    core::OwnedFd pidfd_;
    core::Channel<Message> inbox_;
    std::mutex tail_mutex_;  // over result_.output, while the pumps run
    CommandResult result_;
};

}  // namespace

std::string CommandResult::last_line() const {
    std::string_view rest = output;
    while (!rest.empty() && static_cast<unsigned char>(rest.back()) <= ' ') rest.remove_suffix(1);
    if (const std::size_t line = rest.rfind('\n'); line != rest.npos) rest.remove_prefix(line + 1);
    std::string text(rest.substr(0, kLineInSentence));
    for (char& c : text) {
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = ' ';
    }
    return text;
}

core::Task<CommandResult> run_command(ProcessTable& processes, CommandRequest request) {
    const core::Shield shield;  // what it runs must be seen to its end
    CommandRun run(processes, request);
    CommandResult result = co_await run.run();
    if (result.output.size() > kCommandTailBytes)
        result.output.erase(0, result.output.size() - kCommandTailBytes);
    co_return result;
}

}  // namespace pilotfish::daemon
