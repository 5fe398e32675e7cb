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

    int fd() const noexcept { return fd_; }

    // The worker was stopped by the terminal's job control: takes the terminal back and stops this
    // process as well, so that the shell that started us sees its job stopped. Returns at once when
    // we are PID 1 or our group is orphaned, since nobody could continue us.
    void stop_with_worker() noexcept;

    // SIGCONT came: puts the worker's group back in the foreground, if we are in it, and continues
    // it.
    void continue_worker(pid_t worker) noexcept;

    // The worker has ended: whoever started us without job control, a script, reads on.
    void take_back(pid_t worker) noexcept;

  private:
    explicit Terminal(int fd) : fd_(fd) {}
    int fd_;
};

}  // namespace pilotfish::daemon
