// A process, by a descriptor that cannot come to mean another one: pidfd_open(2).
//
//     Result<ProcessFd> child = ProcessFd::open(pid);
//     const Result<void> sent = child->send_signal(SIGTERM);
//     const Result<ProcessExit> exit = co_await child->wait(deadline);
//
// Thread-safety: one task waits at a time; send_signal from any task while it is open. Ownership:
// owns the descriptor, not the process. Suspends: wait, wait_for_end. Fails: Result; a deadline
// leaves the process as it is. Needs Linux 5.4.
#pragma once

#include <sys/types.h>

#include "core/async_fd.h"
#include "core/clock.h"
#include "core/result.h"
#include "core/task.h"

namespace pilotfish::core {

struct ProcessExit {
    int code = 0;    // 0 .. 255, meaningful when signal is 0
    int signal = 0;  // the signal that ended it; 0: it exited
    bool core_dumped = false;
    bool operator==(const ProcessExit&) const = default;
};

class ProcessFd {
  public:
    ProcessFd() = default;
    // Certain to be the process meant only for a child that was not waited for yet.
    static Result<ProcessFd> open(pid_t pid);
    // Takes over what pidfd_open(2) or clone3(2) gave.
    static Result<ProcessFd> adopt(int fd, pid_t pid);

    // Until it has ended, and reaps it. Requires: a child of ours that nobody else waits for.
    Task<Result<ProcessExit>> wait(Deadline deadline = {});
    // Until it has ended; for any process. Reaps nothing.
    Task<Result<void>> wait_for_end(Deadline deadline = {});
    Result<void> send_signal(int signal);

    pid_t pid() const noexcept { return pid_; }
    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    int descriptor() const noexcept { return fd_.get(); }
    void close() noexcept { fd_.close(); }

  private:
    ProcessFd(AsyncFd fd, pid_t pid) noexcept : fd_(std::move(fd)), pid_(pid) {}

    AsyncFd fd_;
    pid_t pid_ = 0;
};

}  // namespace pilotfish::core
