// The signal state pilotfish was started with, taken and replaced by the first statement of main.
//
// From take() on no signal is lost and none acts on us: all are blocked, in this thread and in
// every thread made later, and are read through a signalfd. A pending blocked signal is kept by the
// kernel even for PID 1, whose unblocked default signals are dropped. Workers get back what we were
// given.
//
// Thread-safety: take() once, before the first thread; plain values after. Never blocks.
#pragma once

#include <csignal>

namespace pilotfish::daemon {

struct SignalsAtStart {
    sigset_t mask{};               // blocked set, as inherited
    bool sigpipe_ignored = false;  // we ignore it; workers get back what was there
    bool sigchld_ignored = false;  // we need its default, or the kernel would reap for us

    // Blocks everything; sets SIGPIPE to ignored and SIGCHLD to default.
    static SignalsAtStart take() noexcept;

    // Undoes take(), for commands that supervise nothing.
    void give_back() const noexcept;
};

}  // namespace pilotfish::daemon
