#include "daemon/worker_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/runtime.h"
#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

LineStyle line_style(config::WorkerLog log) {
    switch (log) {
        case config::WorkerLog::json: return LineStyle::json;
        case config::WorkerLog::inherit: return LineStyle::raw;
        case config::WorkerLog::prefix:
        case config::WorkerLog::none: break;
    }
    return LineStyle::prefix;
}

}  // namespace

WorkerLog::WorkerLog(const config::WorkerSettings& settings, WorkerContext& context)
    : settings_(settings), context_(context) {}

Output& WorkerLog::output_of(OutputKind kind) const {
    return kind == OutputKind::standard_error ? context_.standard_error()
                                              : context_.standard_output();
}

std::shared_ptr<LogStream> WorkerLog::add_stream(OutputKind kind) {
    const char* const name = kind == OutputKind::standard_error ? "stderr" : "stdout";
    auto stream = std::make_shared<LogStream>(output_of(kind), line_style(settings_.log),
                                              settings_.name, name);
    const std::lock_guard lock(mutex_);
    streams_.push_back(stream);
    return stream;
}

bool WorkerLog::open_pipe(int& write_end, OutputKind kind) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    // Ours alone: the worker's end has a file description of its own and stays blocking.
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    auto pipe = core::AsyncFd::adopt(ends[0]);
    if (!pipe) {
        ::close(ends[1]);
        return false;
    }
    auto stream = add_stream(kind);
    context_.log_stream_opened();
    core::spawn(pump(std::move(*pipe), std::move(stream), &output_of(kind)), {.name = "log pump"})
        .detach();
    write_end = ends[1];
    return true;
}

core::Task<void> WorkerLog::pump(core::AsyncFd pipe, std::shared_ptr<LogStream> stream,
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
    close(stream);
    context_.log_stream_closed();
}

std::shared_ptr<LogStream> WorkerLog::open_stream(OutputKind kind) { return add_stream(kind); }

void WorkerLog::close(const std::shared_ptr<LogStream>& stream) {
    stream->end();
    const std::lock_guard lock(mutex_);
    ended_lines_ += stream->lines();
    ended_lost_ += stream->lost_lines();
    std::erase(streams_, stream);
}

std::uint64_t WorkerLog::lines() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = ended_lines_;
    for (const auto& stream : streams_) sum += stream->lines();
    return sum;
}

std::uint64_t WorkerLog::lost_lines() const {
    const std::lock_guard lock(mutex_);
    std::uint64_t sum = ended_lost_;
    for (const auto& stream : streams_) sum += stream->lost_lines();
    return sum;
}

}  // namespace pilotfish::daemon
