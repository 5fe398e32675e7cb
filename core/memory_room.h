// Back-pressure where memory is short: the last step of the soft memory limit.
//
//     for (;;) {
//         co_await runtime::memory_room();       // at once, unless the heap is over its limit
//         Connection next = co_await listener.accept();
//         spawn(serve(std::move(next))).detach();
//     }
//
// While the brake is on, memory_room() waits until it is off, at most 100 ms: whoever frees memory
// may depend on this very task, so nobody is ever held for good. What is spawned meanwhile waits in
// the same way before its first step, and its spawner gives way at its next operation: those who
// run finish and free what they hold before others begin. No thread is held up, and a task that
// neither waits nor ends is not stopped.
//
// Rejected: to let spawn() itself wait (it is no coroutine: a thread would sleep, and with it every
// task of its processor, among them those that free); to refuse (nobody expects spawn to fail).
//
// Thread-safety: memory_room(): tasks; the rest: any thread. Suspends: memory_room(), only while
// the brake is on. Off it costs a load and a branch, here and in spawn(). Fails: Cancelled, as any
// wait.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/event.h"

namespace pilotfish::core {

// Chosen, not measured: long enough for many a request to end, short enough that what was held by
// mistake, as it alone would free memory, is only late.
inline constexpr std::chrono::milliseconds kLongestRoomWait{100};

void set_spawn_brake(bool on) noexcept;
// How often it was put on, and how many waits it has caused.
struct BrakeTotals {
    std::uint64_t brakes = 0;
    std::uint64_t held = 0;
};
BrakeTotals brake_totals() noexcept;

// Set while there is room.
Event& memory_room_event() noexcept;
// Of a wait that begins now, which is counted; none while there is room.
Deadline memory_room_deadline() noexcept;

}  // namespace pilotfish::core

namespace pilotfish::runtime {

inline auto memory_room() noexcept {
    return core::memory_room_event().wait(core::memory_room_deadline());
}

}  // namespace pilotfish::runtime
