// The soft memory limit of this process, as Go's debug.SetMemoryLimit has it: a figure that memory
// use should stay below, and what is done when it does not.
//
// Reaching it stops nobody. check_memory_limit() takes one step: registered shrinkers run, then
// freed memory goes back to the system. A step costs up to 100 ms with a large heap (malloc_trim,
// measured in reference hosts at 304 -> 45 MiB), so steps are at least 30 s apart and run off the
// processors.
//
// Thread-safety: any thread. Ownership: shrinkers are borrowed functions. Blocks: reclaim() only.
// Fails: never.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/clock.h"

namespace pilotfish::core {

inline constexpr std::chrono::seconds kReclaimPause{30};

// Gives up what it can spare; called by reclaim(), on its thread.
using Shrinker = void (*)() noexcept;
// For the life of the process; at most 16.
void add_shrinker(Shrinker shrinker);

// Bytes of this process's heap that are in use. A few microseconds.
std::uint64_t heap_in_use_bytes() noexcept;

// True when the heap is at or above the limit and the last step is long enough ago: then call
// reclaim(), through blocking().
bool memory_limit_reached(TimePoint now) noexcept;

}  // namespace pilotfish::core

namespace pilotfish::runtime {

// Bytes; nullopt: none. Returns the limit before (Go: SetMemoryLimit).
std::optional<std::uint64_t> set_memory_limit(std::optional<std::uint64_t> bytes) noexcept;
std::optional<std::uint64_t> memory_limit() noexcept;

struct ReclaimTotals {
    std::uint64_t cycles = 0;
    std::chrono::nanoseconds time{0};
};

// Runs the shrinkers and returns freed memory to the system (Go: FreeOSMemory). Blocks its thread.
void reclaim();
ReclaimTotals reclaim_totals() noexcept;

}  // namespace pilotfish::runtime
