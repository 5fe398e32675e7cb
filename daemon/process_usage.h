// What one process uses right now, from /proc.
//
// Any thread. Blocks only on reading /proc (some 10 us a process, more with many open files).
// Fails: nullopt where the process is gone or /proc does not show it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace pilotfish::daemon {

struct ProcessUsage {
    std::uint64_t cpu_ns = 0;          // user and system time of all its threads
    std::uint64_t resident_bytes = 0;  // RSS
    std::uint64_t threads = 0;
    std::optional<std::uint64_t> open_files;  // unknown where its user differs from ours
};

std::optional<ProcessUsage> usage_of(pid_t pid);

}  // namespace pilotfish::daemon
