#include "core/memory_room.h"

#include "core/sleep.h"
#include "core/task.h"

namespace pilotfish::core {

constinit std::atomic<bool> spawn_brake{false};

namespace {

std::atomic<std::uint64_t> brakes{0};
std::atomic<std::uint64_t> held{0};

}  // namespace

// Never destroyed: tasks may wait for it at the end of the process.
Event& memory_room_event() noexcept {
    static Event& event = *new Event(true);
    return event;
}

void set_spawn_brake(bool on) noexcept {
    if (spawn_brake.exchange(on, std::memory_order_relaxed) == on) return;
    if (on) {
        brakes.fetch_add(1, std::memory_order_relaxed);
        memory_room_event().reset();
    } else {
        memory_room_event().set();
    }
}

BrakeTotals brake_totals() noexcept {
    return {brakes.load(std::memory_order_relaxed), held.load(std::memory_order_relaxed)};
}

Deadline memory_room_deadline() noexcept {
    if (!spawn_brake.load(std::memory_order_relaxed)) [[likely]]
        return {};
    held.fetch_add(1, std::memory_order_relaxed);
    return deadline_after(runtime_now(), kLongestRoomWait);
}

void give_way_when_spawning() noexcept { tls.budget = 0; }

// Whoever is cancelled while it is held begins all the same, as it does without the brake, and
// hears of it at its first wait.
Task<void> wait_for_memory_room() {
    try {
        co_await runtime::memory_room();
    } catch (const Cancelled&) {
    }
}

}  // namespace pilotfish::core
