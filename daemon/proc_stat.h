// /proc/PID/stat and /proc/PID/status, as far as pilotfish asks them.
//
// Any thread. Blocks only on reading /proc, some microseconds. Fails: nullopt where the process is
// gone or /proc does not show it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pilotfish::daemon {

// By the field numbers of proc(5).
struct ProcStat {
    char state = 0;                    // 3
    pid_t parent = 0;                  // 4
    pid_t group = 0;                   // 5
    std::uint64_t cpu_ticks = 0;       // 14 and 15: user and system
    std::uint64_t threads = 0;         // 20
    std::uint64_t start_ticks = 0;     // 22
    std::uint64_t resident_pages = 0;  // 24
};

std::optional<ProcStat> read_proc_stat(pid_t pid);

// Does the process do something of its own about this signal: has it a handler, or does its main
// thread block the signal, as who waits for it by signalfd or sigwait does? Else it would be ended
// by it, or not notice.
std::optional<bool> minds_signal(pid_t pid, int signal);

}  // namespace pilotfish::daemon
