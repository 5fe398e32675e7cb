// What a process that hangs was doing, as the kernel tells it: states, wait channels, kernel stacks
// where we may read them, of its threads and of the processes below it.
//
// Any thread. Blocks: on reading /proc, some 20 us a thread; nothing is read that waits for the
// process itself (no cmdline, no maps: who hangs with its address space locked would hold us up).
// Fails: never; what is not shown is left out.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace pilotfish::daemon {

// Chosen: a screen of text.
inline constexpr std::size_t kMostEvidenceLines = 40;

// One fact a line: "thread 71 (worker-2) sleeps in futex_wait_queue".
std::vector<std::string> evidence_of(pid_t process);

}  // namespace pilotfish::daemon
