// Signals to this process, received by a task instead of a handler: signalfd(2).
//
//     const BlockedSignals blocked({SIGTERM, SIGHUP});       // in main(), before the Runtime
//     ...
//     Result<SignalSource> signals = SignalSource::open({SIGTERM, SIGHUP});
//     const Result<ReceivedSignal> got = co_await signals->next();
//
// A signal that a thread does not block is delivered there and never read: block it before any
// other thread exists; threads inherit the mask, and so do programs that are executed. Signals of
// one kind that come while one of them waits are one, but for real-time signals. Those sent to one
// thread, as raise(3) does, may not be seen.
//
// Thread-safety: one task calls next() at a time. BlockedSignals: made and destroyed by the same
// thread. Ownership: a source owns its descriptor; several sources of one signal share it at
// random. Suspends: next(). Fails: Result.
#pragma once

#include <signal.h>
#include <sys/signalfd.h>
#include <sys/types.h>

#include <initializer_list>

#include "core/io.h"

namespace pilotfish::core {

class SignalSet {
  public:
    SignalSet() noexcept { sigemptyset(&set_); }
    SignalSet(std::initializer_list<int> signals) noexcept : SignalSet() {
        for (const int signal : signals) add(signal);
    }
    // Every signal; SIGKILL and SIGSTOP cannot be blocked or read all the same.
    static SignalSet all() noexcept {
        SignalSet out;
        sigfillset(&out.set_);
        return out;
    }
    void add(int signal) noexcept { sigaddset(&set_, signal); }
    void remove(int signal) noexcept { sigdelset(&set_, signal); }
    bool has(int signal) const noexcept { return sigismember(&set_, signal) == 1; }
    const sigset_t& get() const noexcept { return set_; }

  private:
    sigset_t set_;
};

// Blocks the signals in the calling thread and those it makes; restores the mask at the end.
class BlockedSignals {
  public:
    explicit BlockedSignals(const SignalSet& signals) noexcept {
        pthread_sigmask(SIG_BLOCK, &signals.get(), &before_);
    }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;
    ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    // What was blocked before, for a child that should begin with it.
    const sigset_t& before() const noexcept { return before_; }

  private:
    sigset_t before_;
};

struct ReceivedSignal {
    int number = 0;
    int code = 0;      // SI_USER, SI_QUEUE, CLD_EXITED ..: sigaction(2)
    pid_t sender = 0;  // 0: the kernel, or a process that cannot be seen
    uid_t sender_uid = 0;
    int status = 0;  // of SIGCHLD
    sigval value{};  // of sigqueue(3): meaningful when code is SI_QUEUE
};

struct [[nodiscard]] NextSignal {
    static constexpr Direction kDirection = Direction::read;
    AsyncFd* fd;
    std::int64_t deadline_ns;
    signalfd_siginfo info = {};

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept;
    Result<ReceivedSignal> result(const IoOutcome& outcome) const;
    IoAwait<NextSignal> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<NextSignal>(*this, where);
    }
};

class SignalSource {
  public:
    SignalSource() = default;
    // Requires: the calling thread, and so every other, blocks them.
    static Result<SignalSource> open(const SignalSet& signals);

    NextSignal next(Deadline deadline = {}) noexcept { return {&fd_, deadline_ns(deadline)}; }
    int descriptor() const noexcept { return fd_.get(); }
    void close() noexcept { fd_.close(); }

  private:
    explicit SignalSource(AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    AsyncFd fd_;
};

}  // namespace pilotfish::core
