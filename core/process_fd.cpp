#include "core/process_fd.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

#include "core/io.h"
#include "core/pidfd.h"

namespace pilotfish::core {
namespace {

std::string named(const char* what, pid_t pid) {
    return what + std::string("process ") + std::to_string(pid);
}

}  // namespace

Result<ProcessFd> ProcessFd::open(pid_t pid) {
    const int fd = open_pidfd(pid);
    if (fd < 0) return io_error(named("watch ", pid), errno);
    return adopt(fd, pid);
}

Result<ProcessFd> ProcessFd::adopt(int fd, pid_t pid) {
    Result<AsyncFd> adopted = AsyncFd::adopt(fd);
    if (!adopted) return adopted.error().within("cannot " + named("watch ", pid));
    return ProcessFd(std::move(*adopted), pid);
}

// waitid(2) with WNOHANG: the exit, or that there is none yet.
IoOutcome WaitForExit::attempt() noexcept {
    if (!*fd) return {0, kIoClosed};
    siginfo_t info{};
    const IoOutcome outcome = io_attempt(
        [&] { return ::waitid(P_PIDFD, static_cast<id_t>(fd->get()), &info, WEXITED | WNOHANG); });
    if (outcome.failure != 0) return outcome;
    if (info.si_pid == 0) return {0, EAGAIN};
    if (info.si_code == CLD_EXITED)
        exit.code = info.si_status;
    else
        exit.signal = info.si_status;
    exit.core_dumped = info.si_code == CLD_DUMPED;
    return outcome;
}

Result<ProcessExit> WaitForExit::result(const IoOutcome& outcome) const {
    if (outcome.failure == 0) return exit;
    if (outcome.failure == ECHILD)
        return Error{"cannot " + named("wait for ", pid) +
                         ": it is no child of this process, or was waited for already",
                     ECHILD};
    return io_error(named("wait for ", pid), outcome);
}

IoOutcome WaitForEnd::attempt() noexcept {
    if (!*fd) return {0, kIoClosed};
    pollfd one{fd->get(), POLLIN, 0};
    const IoOutcome outcome = io_attempt([&] { return ::poll(&one, 1, 0); });
    if (outcome.failure == 0 && outcome.count == 0) return {0, EAGAIN};
    return outcome;
}

Result<void> WaitForEnd::result(const IoOutcome& outcome) const {
    if (outcome.failure == 0) return {};
    return io_error(named("wait for the end of ", pid), outcome);
}

Result<void> ProcessFd::send_signal(int signal) {
    if (core::send_signal(fd_.get(), signal) == 0) return {};
    return io_error(named(("send signal " + std::to_string(signal) + " to ").c_str(), pid_), errno);
}

}  // namespace pilotfish::core
