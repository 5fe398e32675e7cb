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

// waitid(2) with WNOHANG: the exit, or that there is none yet.
struct Reaped {
    ProcessExit exit;
    IoOutcome outcome;
};

Reaped try_reap(int pidfd) noexcept {
    Reaped out;
    siginfo_t info{};
    out.outcome = io_attempt(
        [&] { return ::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG); });
    if (out.outcome.failure != 0) return out;
    if (info.si_pid == 0) {
        out.outcome.failure = EAGAIN;
        return out;
    }
    if (info.si_code == CLD_EXITED)
        out.exit.code = info.si_status;
    else
        out.exit.signal = info.si_status;
    out.exit.core_dumped = info.si_code == CLD_DUMPED;
    return out;
}

IoOutcome try_end(int pidfd) noexcept {
    pollfd one{pidfd, POLLIN, 0};
    IoOutcome outcome = io_attempt([&] { return ::poll(&one, 1, 0); });
    if (outcome.failure == 0 && outcome.count == 0) outcome.failure = EAGAIN;
    return outcome;
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

Task<Result<ProcessExit>> ProcessFd::wait(Deadline deadline) {
    for (;;) {
        Reaped reaped;
        reaped.outcome.failure = kIoClosed;
        if (fd_) reaped = try_reap(fd_.get());
        if (reaped.outcome.failure == 0) co_return reaped.exit;
        if (would_block(reaped.outcome.failure)) {
            const Wake wake = co_await fd_.readable(deadline);
            if (wake == Wake::ready) continue;
            reaped.outcome.failure = wake == Wake::timed_out ? kIoTimedOut : kIoClosed;
        }
        if (reaped.outcome.failure == ECHILD)
            co_return Error{"cannot " + named("wait for ", pid_) +
                                ": it is no child of this process, or was waited for already",
                            ECHILD};
        co_return io_error(named("wait for ", pid_), reaped.outcome);
    }
}

Task<Result<void>> ProcessFd::wait_for_end(Deadline deadline) {
    for (;;) {
        IoOutcome outcome{0, kIoClosed};
        if (fd_) outcome = try_end(fd_.get());
        if (outcome.failure == 0) co_return Result<void>();
        if (would_block(outcome.failure)) {
            const Wake wake = co_await fd_.readable(deadline);
            if (wake == Wake::ready) continue;
            outcome.failure = wake == Wake::timed_out ? kIoTimedOut : kIoClosed;
        }
        co_return io_error(named("wait for the end of ", pid_), outcome);
    }
}

Result<void> ProcessFd::send_signal(int signal) {
    if (core::send_signal(fd_.get(), signal) == 0) return {};
    return io_error(named(("send signal " + std::to_string(signal) + " to ").c_str(), pid_), errno);
}

}  // namespace pilotfish::core
