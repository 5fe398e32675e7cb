#include "daemon/worker_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "config/log_path.h"
#include "config/setting_table.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/event_log.h"

namespace pilotfish::daemon {
namespace {

LineStyle line_style(config::WorkerLog log) {
    switch (log) {
        case config::WorkerLog::json: return LineStyle::json;
        case config::WorkerLog::inherit:
        case config::WorkerLog::tee:
        case config::WorkerLog::file: return LineStyle::raw;
        case config::WorkerLog::prefix:
        case config::WorkerLog::none: break;
    }
    return LineStyle::prefix;
}

// A process that inherits our output never shows it to us; a hosted task has no other way.
bool is_seen(const config::WorkerSettings& settings) {
    if (settings.log == config::WorkerLog::none) return false;
    return settings.log != config::WorkerLog::inherit || !settings.plugin.empty();
}

std::shared_ptr<LogRing> make_ring(const config::WorkerSettings& settings) {
    if (!is_seen(settings) || settings.log_ring.count == 0) return nullptr;
    return std::make_shared<LogRing>(static_cast<std::size_t>(settings.log_ring.count),
                                     EventLog::base_now());
}

std::shared_ptr<LogFile> make_file(const config::WorkerSettings& settings) {
    if (settings.log != config::WorkerLog::file) return nullptr;
    return std::make_shared<LogFile>(settings.name,
                                     RotationOptions{.path = config::log_path(settings),
                                                     .max_bytes = settings.log_max_size.count,
                                                     .max_files = settings.log_max_files});
}

}  // namespace

WorkerLog::WorkerLog(const config::WorkerSettings& settings, WorkerContext& context)
    : settings_(settings),
      context_(context),
      ring_(make_ring(settings)),
      file_(make_file(settings)) {}

WorkerLog::~WorkerLog() { end(); }

void WorkerLog::end() {
    if (ring_) ring_->end();
}

std::string WorkerLog::why_no_ring() const {
    const std::string prefix = config::worker_variable_prefix(settings_.name);
    if (is_seen(settings_)) {
        return "nothing is kept of the output of " + settings_.name + ": set " + prefix +
               "LOG_RING to a size such as 128Ki";
    }
    const bool none = settings_.log == config::WorkerLog::none;
    return "with " + prefix + "LOG=" + (none ? "none" : "inherit") + " the output of " +
           settings_.name + (none ? " is thrown away" : " goes past us") +
           ": set it to tee, prefix, json or file:PATH";
}

std::shared_ptr<LogStream> WorkerLog::add_stream(OutputKind kind) {
    std::shared_ptr<LogStream> stream;
    if (file_) {
        file_->begin();
        stream = std::make_shared<LogStream>(file_, settings_.name, kind, ring_);
    } else {
        Output& output = kind == OutputKind::standard_error ? context_.standard_error()
                                                            : context_.standard_output();
        stream = std::make_shared<LogStream>(output, line_style(settings_.log), settings_.name,
                                             kind, ring_);
    }
    const std::lock_guard lock(streams_->mutex);
    streams_->open.push_back(stream);
    return stream;
}

bool WorkerLog::open_pipe(int& write_end, OutputKind kind) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return false;
    if (!adopt_pipe(ends[0], kind)) {
        ::close(ends[1]);
        return false;
    }
    write_end = ends[1];
    return true;
}

bool WorkerLog::adopt_pipe(int read_end, OutputKind kind) {
    return start_pump(read_end, kind, nullptr);
}

// before: where the image before this one stood in it; null: it is new.
bool WorkerLog::start_pump(int read_end, OutputKind kind, const StreamHandover* before) {
    // Ours alone: the worker's end has a file description of its own and stays blocking.
    fcntl(read_end, F_SETFL, O_NONBLOCK);
    auto pipe = core::AsyncFd::adopt(read_end);
    if (!pipe) return false;
    auto from = std::make_shared<Pipe>();
    from->fd = pipe->get();
    from->kind = kind;
    from->stream = add_stream(kind);
    if (make_tap_) from->stream->set_tap(make_tap_());
    if (before != nullptr) from->stream->resume(before->partial, before->continues);
    {
        const std::lock_guard lock(streams_->mutex);
        streams_->pipes.push_back(from);
    }
    context_.log_stream_opened();
    core::spawn(pump(std::move(*pipe), std::move(from), streams_, &context_), {.name = "log pump"})
        .detach();
    return true;
}

core::Task<void> WorkerLog::pump(core::AsyncFd pipe, std::shared_ptr<Pipe> from,
                                 std::shared_ptr<Streams> streams, WorkerContext* context) {
    for (;;) {
        ssize_t length = -1;
        int error = 0;
        {
            const std::lock_guard lock(from->reading);
            length = from->stream->read_from(pipe.get());
            error = errno;
        }
        if (length > 0) {
            // A reader that lags gets a little time before lines are lost; one that is gone does
            // not.
            while (from->stream->wants_pause())
                co_await core::sleep_for(std::chrono::milliseconds(1));
            co_await core::yield();
            continue;
        }
        if (length == 0 || (error != EAGAIN && error != EINTR)) break;
        const core::Wake wake = co_await pipe.readable();
        if (wake == core::Wake::closed) break;
    }
    streams->end(from);
    context->log_stream_closed();
}

void WorkerLog::Streams::end(const std::shared_ptr<Pipe>& pipe) {
    const std::lock_guard reading(pipe->reading);
    pipe->ended = true;
    close(pipe->stream);
    const std::lock_guard lock(mutex);
    std::erase(pipes, pipe);
}

std::shared_ptr<LogStream> WorkerLog::open_stream(OutputKind kind) { return add_stream(kind); }

void WorkerLog::close(const std::shared_ptr<LogStream>& stream) { streams_->close(stream); }

void WorkerLog::Streams::close(const std::shared_ptr<LogStream>& stream) {
    stream->end();
    const std::lock_guard lock(mutex);
    ended_lines += stream->lines();
    ended_lost += stream->lost_lines();
    std::erase(open, stream);
}

bool WorkerLog::is_open() const {
    const std::lock_guard lock(streams_->mutex);
    return !streams_->open.empty();
}

std::uint64_t WorkerLog::lines() const {
    const std::lock_guard lock(streams_->mutex);
    std::uint64_t sum = streams_->ended_lines;
    for (const auto& stream : streams_->open) sum += stream->lines();
    return sum;
}

std::uint64_t WorkerLog::lost_lines() const {
    const std::uint64_t of_file = file_ ? file_->lost_lines() : 0;
    const std::lock_guard lock(streams_->mutex);
    std::uint64_t sum = of_file + streams_->ended_lost;
    for (const auto& stream : streams_->open) sum += stream->lost_lines();
    return sum;
}

}  // namespace pilotfish::daemon
