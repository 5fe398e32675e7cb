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

void Terminal::stop_with_worker() noexcept {
    // A session leader has no shell above it that could continue it; nor has PID 1.
    if (getpid() == 1 || getsid(0) == getpid()) return;
    tcsetpgrp(fd_, getpgrp());
    kill(getpid(), SIGSTOP);
}

void Terminal::continue_worker(pid_t worker) noexcept {
    if (tcgetpgrp(fd_) == getpgrp()) tcsetpgrp(fd_, worker);
    kill(-worker, SIGCONT);
}

void Terminal::take_back(pid_t worker) noexcept {
    // SIGTTOU is blocked, so asking from the background does not stop us.
    if (tcgetpgrp(fd_) == worker) tcsetpgrp(fd_, getpgrp());
}

}  // namespace pilotfish::daemon
