// /proc/PID/stat, as far as pilotfish asks it.
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

}  // namespace pilotfish::daemon
