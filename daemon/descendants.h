// Every process below this one, found by walking /proc, and signals to all of them.
//
// As PID 1 or subreaper whoever lost its parent comes to us, so nobody leaves the tree: setsid and
// double forks change the group, never the ancestry.
//
// Thread-safety: free functions, any thread. Blocks: only on reading /proc (about 10 us a process).
// Limits: a process forked while the walk is under way may be missed; callers walk again until
// nobody new is found. Fails: an unreadable /proc gives an empty list.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace pilotfish::daemon {

struct Descendant {
    pid_t pid;
    pid_t group;
    std::uint64_t start_ticks;  // clock ticks after boot; with the pid, the name of one process
    char state;                 // R, S, D, Z, T, ...
    bool operator==(const Descendant& other) const {
        return pid == other.pid && start_ticks == other.start_ticks;
    }
};

// nullopt: there is no such process, or /proc is not there.
std::optional<Descendant> read_process(pid_t pid);

// Zombies included.
std::vector<Descendant> descendants_of(pid_t ancestor);

// Sends through a pidfd after making sure that it is still the same process. False when it is gone
// or may not be signalled (errno tells).
bool signal_descendant(const Descendant& target, int signal);

// Stops everybody until a walk finds nobody new, so that no fork outruns us, then kills everybody.
// group: only that process group, by one call where its leader is our child; 0: the whole tree.
// Returns how many were killed; of a group 1 where that is not counted.
int kill_descendants(pid_t group = 0);

}  // namespace pilotfish::daemon
