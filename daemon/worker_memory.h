// What the processes of workers hold in memory, trees and groups of them, from /proc.
//
// A process belongs to the worker that it descends from, or whose process group it is in: a daemon
// that lost its parent comes to us, and keeps its group unless it made one of its own.
//
// resident: RSS, with what a process shares (files, shared memory) counted once a tree, by the
// largest. Memory that children share with their parent since fork counts once in each: an upper
// bound. proportional: PSS, where each page counts once whatever shares it; the kernel walks page
// tables for it, about 1 ms per 100 MB held, and tells it only to those who may trace the process.
//
// Any thread. Blocks only on reading /proc: about 10 us a process of the machine, 3 us more for
// each of a worker's. Fails: never; who is gone or not shown holds 0.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace pilotfish::daemon {

struct TreeMemory {
    std::uint64_t resident_bytes = 0;
    std::vector<pid_t> processes;  // zombies left out
};

// For each worker's process, in this order, by one walk over /proc; -1: there is none.
std::vector<TreeMemory> memory_of_trees(std::span<const pid_t> workers);

// nullopt: it could be read of none of them.
std::optional<std::uint64_t> proportional_bytes(std::span<const pid_t> processes);

}  // namespace pilotfish::daemon
