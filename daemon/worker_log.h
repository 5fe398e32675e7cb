// A worker's output on its way through us: the pipes of a process, each with the task that empties
// it, or streams that a hosted task writes to.
//
// Thread-safety: any thread. Ownership: shared with the tasks that empty pipes; borrows the
// context. Blocks: never. Fails: open_pipe(), with errno.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/async_fd.h"
#include "core/task.h"
#include "daemon/log_stream.h"
#include "daemon/worker_context.h"

namespace pilotfish::daemon {

enum class OutputKind : std::uint8_t { standard_output, standard_error };

class WorkerLog {
  public:
    WorkerLog(const config::WorkerSettings& settings, WorkerContext& context);

    // A pipe whose other end passes what comes to that output. The caller closes write_end.
    bool open_pipe(int& write_end, OutputKind kind);

    // A stream without a pipe, for one writer at a time, until close(). inherit passes its lines on
    // as they are. Not for LOG=none.
    std::shared_ptr<LogStream> open_stream(OutputKind kind);
    void close(const std::shared_ptr<LogStream>& stream);

    std::uint64_t lines() const;
    std::uint64_t lost_lines() const;

  private:
    core::Task<void> pump(core::AsyncFd pipe, std::shared_ptr<LogStream> stream, Output* output);
    Output& output_of(OutputKind kind) const;
    std::shared_ptr<LogStream> add_stream(OutputKind kind);

    const config::WorkerSettings& settings_;
    WorkerContext& context_;
    mutable std::mutex mutex_;
    std::vector<std::shared_ptr<LogStream>> streams_;
    std::uint64_t ended_lines_ = 0;  // of streams that are closed
    std::uint64_t ended_lost_ = 0;
};

}  // namespace pilotfish::daemon
