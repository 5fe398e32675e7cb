#include "daemon/exit_status.h"

#include <sys/wait.h>

#include <cstring>

namespace pilotfish::daemon {

ExitStatus exit_status_of(const siginfo_t& info) noexcept {
    ExitStatus status;
    if (info.si_code == CLD_EXITED) {
        status.code = info.si_status & 0xff;
    } else {
        status.signal = info.si_status;
        status.core_dumped = info.si_code == CLD_DUMPED;
    }
    return status;
}

std::string signal_name(int signal) {
    if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
        return signal == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
    }
    // The glibc table; strsignal would need a locale and give prose.
    if (const char* name = sigabbrev_np(signal)) return std::string("SIG") + name;
    return "signal " + std::to_string(signal);
}

std::string sentence_of(const ExitStatus& status) {
    if (status.signal == 0) return "exited with code " + std::to_string(status.code);
    return "was killed by " + signal_name(status.signal) +
           (status.core_dumped ? " (core dumped)" : "");
}

}  // namespace pilotfish::daemon
