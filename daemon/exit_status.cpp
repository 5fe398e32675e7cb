#include "daemon/exit_status.h"

#include <sys/wait.h>

#include "config/signal_name.h"

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
    const std::string name = config::format_signal({signal});
    return name.starts_with("SIG") ? name : "signal " + name;
}

std::string sentence_of(const ExitStatus& status) {
    if (status.signal == 0) return "exited with code " + std::to_string(status.code);
    return "was killed by " + signal_name(status.signal) +
           (status.core_dumped ? " (core dumped)" : "");
}

}  // namespace pilotfish::daemon
