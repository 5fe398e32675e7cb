#include "daemon/signals_at_start.h"

namespace pilotfish::daemon {

SignalsAtStart SignalsAtStart::take() noexcept {
    SignalsAtStart before;
    // First of all: from here on a SIGTERM waits for us instead of being lost or killing us.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before.mask);

    struct sigaction ignore{};
    ignore.sa_handler = SIG_IGN;
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    struct sigaction old{};
    sigaction(SIGPIPE, &ignore, &old);
    before.sigpipe_ignored = old.sa_handler == SIG_IGN;
    // Inherited SIG_IGN would make the kernel reap our children and every exit status vanish.
    sigaction(SIGCHLD, &standard, &old);
    before.sigchld_ignored = old.sa_handler == SIG_IGN;
    return before;
}

void SignalsAtStart::give_back() const noexcept {
    struct sigaction action{};
    action.sa_handler = sigpipe_ignored ? SIG_IGN : SIG_DFL;
    sigaction(SIGPIPE, &action, nullptr);
    action.sa_handler = sigchld_ignored ? SIG_IGN : SIG_DFL;
    sigaction(SIGCHLD, &action, nullptr);
    sigprocmask(SIG_SETMASK, &mask, nullptr);
}

}  // namespace pilotfish::daemon
