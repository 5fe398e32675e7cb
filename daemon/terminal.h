// The terminal we were started on, if any: who is in its foreground, and how job control reaches
// the worker through us.
//
// Thread-safety: one thread at a time. Ownership: borrows a standard descriptor. Blocks: never, but
// for stop_with_worker(). All signals are blocked in this process, so no call here can stop it
// (SIGTTOU).
#pragma once

#include <sys/types.h>

#include <optional>

namespace pilotfish::daemon {

class Terminal {
  public:
    // The first of descriptors 0, 1, 2 that is a terminal in whose foreground we are; otherwise
    // nothing: a background start must not take the terminal from whoever has it.
    static std::optional<Terminal> in_foreground() noexcept;

    // The worker in its foreground is that of the image of this process before.
    static Terminal handed_over(int fd) noexcept { return Terminal(fd); }

    int fd() const noexcept { return fd_; }

    // The worker was stopped by the terminal's job control: takes the terminal back and stops this
    // process as well, so that the shell that started us sees its job stopped; when it goes on, so
    // does the worker. Where nobody could continue us (PID 1, an orphaned group) the kernel does
    // not stop us, and the worker goes on at once.
    void stop_with_worker(pid_t worker) const noexcept;

    // SIGCONT came: puts the worker's group back in the foreground, if we are in it, and continues
    // it.
    void continue_worker(pid_t worker) const noexcept;

    // The worker has ended, or could not be started: whoever started us reads on.
    void take_back() const noexcept;

  private:
    explicit Terminal(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace pilotfish::daemon
