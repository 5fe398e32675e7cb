#include "daemon/terminal.h"

#include <unistd.h>

#include <csignal>

namespace pilotfish::daemon {

std::optional<Terminal> Terminal::in_foreground() noexcept {
    for (int fd = 0; fd <= 2; ++fd) {
        // Fails with ENOTTY unless it is our controlling terminal.
        const pid_t foreground = tcgetpgrp(fd);
        if (foreground >= 0 && foreground == getpgrp()) return Terminal(fd);
    }
    return std::nullopt;
}

void Terminal::stop_with_worker(pid_t worker) const noexcept {
    take_back();
    // SIGTSTP rather than SIGSTOP: the kernel leaves it out for PID 1 and for an orphaned group. To
    // this thread alone, so that the signalfd of another cannot take it; blocked until here.
    sigset_t stop;
    sigemptyset(&stop);
    sigaddset(&stop, SIGTSTP);
    raise(SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
    pthread_sigmask(SIG_BLOCK, &stop, nullptr);
    continue_worker(worker);
}

void Terminal::continue_worker(pid_t worker) const noexcept {
    if (tcgetpgrp(fd_) == getpgrp()) tcsetpgrp(fd_, worker);
    kill(-worker, SIGCONT);
}

void Terminal::take_back() const noexcept {
    // SIGTTOU is blocked, so asking from the background does not stop us.
    const pid_t foreground = tcgetpgrp(fd_);
    if (foreground >= 0 && foreground != getpgrp()) tcsetpgrp(fd_, getpgrp());
}

}  // namespace pilotfish::daemon
