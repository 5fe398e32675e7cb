// A worker's output on its way through us: the pipes of a process, each with the task that empties
// it, or streams that a hosted task writes to; the file that it may go to, and the ring of its last
// lines.
//
// Thread-safety: any thread. Ownership: what the tasks need is shared with them, so that a process
// which keeps a pipe open for ever may outlive the worker; borrows the context. Blocks: flush()
// alone. Fails: open_pipe() and adopt_pipe(), with errno.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/async_fd.h"
#include "core/task.h"
#include "daemon/handover.h"
#include "daemon/log_ring.h"
#include "daemon/log_stream.h"
#include "daemon/worker_context.h"

namespace pilotfish::daemon {

class WorkerLog {
  public:
    WorkerLog(const config::WorkerSettings& settings, WorkerContext& context);
    ~WorkerLog();
    WorkerLog(const WorkerLog&) = delete;
    WorkerLog& operator=(const WorkerLog&) = delete;

    // A pipe whose other end passes what comes to that output. The caller closes write_end.
    bool open_pipe(int& write_end, OutputKind kind);

    // Who sees what comes by the pipes that are opened from now on, each by a tap of its own.
    // Not while a pipe is being opened.
    void tap_with(std::function<std::unique_ptr<OutputTap>()> make_tap) {
        make_tap_ = std::move(make_tap);
    }
    // The reading end of such a pipe, taken over; closed when it fails.
    bool adopt_pipe(int read_end, OutputKind kind);

    // A stream without a pipe, for one writer at a time, until close(). inherit passes its lines on
    // as they are. Not for LOG=none.
    std::shared_ptr<LogStream> open_stream(OutputKind kind);
    void close(const std::shared_ptr<LogStream>& stream);

    // An upgrade in place (daemon/worker_log_handover.cpp). Between hold() and let_go(), both on
    // one thread, nothing is read from the pipes; hold() waits for a read under way. Requires for
    // save(): held.
    void hold();
    void let_go();
    void save(LogHandover& handover) const;
    // Goes on with the pipes and lines of the image before. Call from a task, before any other
    // stream is made.
    void adopt(const LogHandover& handover);

    // Somebody may still write to it.
    bool is_open() const;
    std::uint64_t lines() const;
    std::uint64_t lost_lines() const;

    // Its last lines; null: nothing is kept.
    const std::shared_ptr<LogRing>& ring() const { return ring_; }
    // Why there is no ring, with the setting to change.
    std::string why_no_ring() const;
    // At the end of the daemon: who follows hears that there is no more.
    void end();
    // Waits until its file has everything, at most this long; true also without a file.
    bool flush(std::chrono::nanoseconds at_most) { return !file_ || file_->flush(at_most); }

  private:
    // A pipe that is being read.
    struct Pipe {
        int fd = -1;
        OutputKind kind{};
        std::shared_ptr<LogStream> stream{};
        std::mutex reading{};  // over one read and what becomes of it
        bool ended = false;    // guarded by reading
    };
    // What a pump may need after the worker is gone.
    struct Streams {
        mutable std::mutex mutex;
        std::vector<std::shared_ptr<LogStream>> open;
        std::uint64_t ended_lines = 0;  // of streams that are closed
        std::uint64_t ended_lost = 0;
        std::vector<std::shared_ptr<Pipe>> pipes;

        void close(const std::shared_ptr<LogStream>& stream);
        void end(const std::shared_ptr<Pipe>& pipe);
    };

    bool start_pump(int read_end, OutputKind kind, const StreamHandover* before);
    static core::Task<void> pump(core::AsyncFd pipe, std::shared_ptr<Pipe> from,
                                 std::shared_ptr<Streams> streams, WorkerContext* context);
    std::shared_ptr<LogStream> add_stream(OutputKind kind);

    const config::WorkerSettings& settings_;
    WorkerContext& context_;
    std::function<std::unique_ptr<OutputTap>()> make_tap_;
    const std::shared_ptr<LogRing> ring_;
    const std::shared_ptr<LogFile> file_;
    const std::shared_ptr<Streams> streams_ = std::make_shared<Streams>();
    std::vector<std::shared_ptr<Pipe>> held_;  // locked by hold(), for its thread
};

}  // namespace pilotfish::daemon
