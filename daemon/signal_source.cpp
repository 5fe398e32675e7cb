#include "daemon/signal_source.h"

#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>

#include "core/pidfd.h"

namespace pilotfish::daemon {

core::Result<int> open_signal_fd() {
    sigset_t all;
    sigfillset(&all);
    const int fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0) return core::system_error("read signals: signalfd", errno);
    return fd;
}

std::optional<ReceivedSignal> read_signal(int signal_fd) noexcept {
    signalfd_siginfo info;
    if (read(signal_fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info))
        return std::nullopt;
    ReceivedSignal signal{};
    signal.number = static_cast<int>(info.ssi_signo);
    signal.queued = info.ssi_code == SI_QUEUE;
    signal.sender = static_cast<pid_t>(info.ssi_pid);
    // The kernel gives both halves of the union; the pointer is the wider one.
    signal.value.sival_ptr = reinterpret_cast<void*>(info.ssi_ptr);
    return signal;
}

bool forward_signal(int pidfd, const ReceivedSignal& signal) noexcept {
    if (!signal.queued) return core::send_signal(pidfd, signal.number) == 0;
    siginfo_t info{};
    info.si_signo = signal.number;
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value = signal.value;
    return core::send_signal(pidfd, signal.number, &info) == 0;
}

}  // namespace pilotfish::daemon
