// The soft memory limit of this process, as Go's debug.SetMemoryLimit has it: a figure that memory
// use should stay below, and the steps that are taken as it nears (core/memory_steps.h).
//
//     std::uint64_t heap = anonymous_bytes().value_or(UINT64_MAX);   // once a second or so
//     if (may_be_near(heap)) heap = co_await blocking(heap_in_use_bytes);
//     const MemoryDue due = check_memory_limit(now, heap);
//     set_spawn_brake(due.brake);
//     if (due.any_step()) co_await blocking([&] { cycle = run_memory_cycle(due); });
//
// Reaching it stops nobody.
//
// Thread-safety: any thread. Ownership: shrinkers are borrowed functions. Blocks:
// run_memory_cycle() and reclaim(), up to 100 ms with a large heap, and heap_in_use_bytes(): off
// the processors. Fails: never. Units: bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/clock.h"
#include "core/memory_steps.h"

namespace pilotfish::core {

// Gives up what it can spare; called by the first step, on its thread.
using Shrinker = void (*)() noexcept;
// For the life of the process; at most 16.
void add_shrinker(Shrinker shrinker);

// Bytes of this process's heap that are in use. Walks the free chunks under each arena's lock: 37
// ms with 200,000 of them (measured).
std::uint64_t heap_in_use_bytes() noexcept;

// Bytes of anonymous memory that this process holds: the heap, what it has freed and not given
// back, and stacks. nullopt: the kernel does not tell. A microsecond: one read of a kept
// descriptor.
std::optional<std::uint64_t> anonymous_bytes() noexcept;
// The heap is part of it, so with less than this nothing can be due.
bool may_be_near(std::uint64_t anonymous_bytes) noexcept;

// Which steps are due with a heap of this size. Those it names are taken to be taken.
MemoryDue check_memory_limit(TimePoint now, std::uint64_t heap_bytes) noexcept;

// What a cycle did.
struct MemoryCycle {
    std::uint64_t number = 0;  // of the process's life, from 1
    MemoryDue steps;
    int shrinkers = 0;  // that were called, the runtime's own included
    std::uint64_t heap_before_bytes = 0;
    std::uint64_t heap_after_bytes = 0;
    std::chrono::nanoseconds shrink_time{0};
    std::chrono::nanoseconds purge_time{0};
};
MemoryCycle run_memory_cycle(MemoryDue steps);

}  // namespace pilotfish::core

namespace pilotfish::runtime {

// Bytes; nullopt: none. Returns the limit before (Go: SetMemoryLimit).
std::optional<std::uint64_t> set_memory_limit(std::optional<std::uint64_t> bytes) noexcept;
std::optional<std::uint64_t> memory_limit() noexcept;

struct ReclaimTotals {
    std::uint64_t cycles = 0;
    std::uint64_t shrinks = 0;
    std::uint64_t purges = 0;
    std::chrono::nanoseconds time{0};
};

// Runs the shrinkers and returns freed memory to the system (Go: FreeOSMemory). Blocks its thread.
void reclaim();
ReclaimTotals reclaim_totals() noexcept;

}  // namespace pilotfish::runtime
