// How a process ended, and the one number a shell would make of it.
//
// Plain values; any thread.
#pragma once

#include <csignal>
#include <string>

namespace pilotfish::daemon {

struct ExitStatus {
    int code = 0;    // 0..255, meaningful when signal is 0
    int signal = 0;  // the signal that ended it; 0: it exited
    bool core_dumped = false;

    // Its own code, or 128 + signal.
    int shell_code() const { return signal != 0 ? 128 + signal : code; }
    bool operator==(const ExitStatus&) const = default;
};

// From what waitid(2) filled in for CLD_EXITED, CLD_KILLED and CLD_DUMPED.
ExitStatus exit_status_of(const siginfo_t& info) noexcept;

// "exited with code 3", "was killed by SIGTERM", "was killed by SIGSEGV (core dumped)".
std::string sentence_of(const ExitStatus& status);

// "SIGTERM", "SIGRTMIN+3", "signal 77".
std::string signal_name(int signal);

}  // namespace pilotfish::daemon
