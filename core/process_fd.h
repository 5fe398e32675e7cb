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

#include "core/clock.h"
#include "core/io.h"

namespace pilotfish::core {

struct ProcessExit {
    int code = 0;    // 0 .. 255, meaningful when signal is 0
    int signal = 0;  // the signal that ended it; 0: it exited
    bool core_dumped = false;
    bool operator==(const ProcessExit&) const = default;
};

// The operations: made by ProcessFd's functions and awaited at once.
struct [[nodiscard]] WaitForExit {
    static constexpr Direction kDirection = Direction::read;
    AsyncFd* fd;
    pid_t pid;
    std::int64_t deadline_ns;
    ProcessExit exit = {};

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept;
    Result<ProcessExit> result(const IoOutcome& outcome) const;
    IoAwait<WaitForExit> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<WaitForExit>(*this, where);
    }
};

struct [[nodiscard]] WaitForEnd {
    static constexpr Direction kDirection = Direction::read;
    AsyncFd* fd;
    pid_t pid;
    std::int64_t deadline_ns;

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept;
    Result<void> result(const IoOutcome& outcome) const;
    IoAwait<WaitForEnd> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<WaitForEnd>(*this, where);
    }
};

class ProcessFd {
  public:
    ProcessFd() = default;
    // Certain to be the process meant only for a child that was not waited for yet.
    static Result<ProcessFd> open(pid_t pid);
    // Takes over what pidfd_open(2) or clone3(2) gave.
    static Result<ProcessFd> adopt(int fd, pid_t pid);

    // Until it has ended, and reaps it. Requires: a child of ours that nobody else waits for.
    WaitForExit wait(Deadline deadline = {}) noexcept {
        return {&fd_, pid_, deadline_ns(deadline)};
    }
    // Until it has ended; for any process. Reaps nothing.
    WaitForEnd wait_for_end(Deadline deadline = {}) noexcept {
        return {&fd_, pid_, deadline_ns(deadline)};
    }
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
