// A worker's output on its way through us: a pipe a stream, and the task that empties it.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/async_fd.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/worker.h"

namespace pilotfish::daemon {
namespace {

LineStyle line_style(config::WorkerLog log) {
    return log == config::WorkerLog::json ? LineStyle::json : LineStyle::prefix;
}

}  // namespace

bool Worker::open_log_pipe(int& write_end, Output& output, std::string_view stream_name) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    // Ours alone: the worker's end has a file description of its own and stays blocking.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    auto pipe = core::AsyncFd::adopt(ends[0]);
    if (!pipe) {
        close(ends[1]);
        return false;
    }
    auto stream =
        std::make_shared<LogStream>(output, line_style(settings_.log), settings_.name, stream_name);
    {
        const std::lock_guard lock(mutex_);
        streams_.push_back(stream);
    }
    context_.log_stream_opened();
    core::spawn(pump(std::move(*pipe), std::move(stream), &output), {.name = "log pump"}).detach();
    write_end = ends[1];
    return true;
}

core::Task<void> Worker::pump(core::AsyncFd pipe, std::shared_ptr<LogStream> stream,
                              Output* output) {
    for (;;) {
        const ssize_t length = stream->read_from(pipe.get());
        if (length > 0) {
            // A reader that lags gets a little time before lines are lost; one that is gone does
            // not.
            while (output->wants_pause()) co_await core::sleep_for(std::chrono::milliseconds(1));
            co_await core::yield();
            continue;
        }
        if (length == 0 || (errno != EAGAIN && errno != EINTR)) break;
        const core::Wake wake = co_await pipe.readable();
        if (wake == core::Wake::closed) break;
    }
    stream->end();
    {
        const std::lock_guard lock(mutex_);
        status_.log_lines += stream->lines();
        status_.log_lines_lost += stream->lost_lines();
        std::erase(streams_, stream);
    }
    context_.log_stream_closed();
}

}  // namespace pilotfish::daemon
