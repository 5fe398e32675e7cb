#include "core/signals.h"

#include <unistd.h>

namespace pilotfish::core {

Result<SignalSource> SignalSource::open(const SignalSet& signals) {
    sigset_t blocked;
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
    for (int signal = 1; signal <= SIGRTMAX; ++signal) {
        // Those two cannot be blocked, and those between are the C library's own.
        if (signal == SIGKILL || signal == SIGSTOP || (signal >= __SIGRTMIN && signal < SIGRTMIN))
            continue;
        // Threads of the runtime leave it open for core/native_stack.h, which passes on the rest.
        if (signal == SIGURG) continue;
        PF_CHECK(!signals.has(signal) || sigismember(&blocked, signal) == 1,
                 "a signal is to be read that this thread does not block: make a BlockedSignals "
                 "before the Runtime");
    }
    const int fd = ::signalfd(-1, &signals.get(), SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) return io_error("read signals", errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(fd);
    if (!adopted) return adopted.error();
    return SignalSource(std::move(*adopted));
}

IoOutcome NextSignal::attempt() noexcept {
    if (!*fd) return {0, kIoClosed};
    return io_attempt([&] { return ::read(fd->get(), &info, sizeof info); });
}

Result<ReceivedSignal> NextSignal::result(const IoOutcome& outcome) const {
    if (outcome.failure != 0) return io_error("read signals", outcome);
    ReceivedSignal out;
    out.number = static_cast<int>(info.ssi_signo);
    out.code = info.ssi_code;
    out.sender = static_cast<pid_t>(info.ssi_pid);
    out.sender_uid = info.ssi_uid;
    out.status = info.ssi_status;
    // The kernel gives both halves of the union; the pointer is the wider one.
    out.value.sival_ptr = reinterpret_cast<void*>(info.ssi_ptr);
    return out;
}

}  // namespace pilotfish::core
