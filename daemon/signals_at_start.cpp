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

}  // namespace pilotfish::daemon
