#include "core/clock.h"

#include <ctime>
#include <limits>

#include "core/scheduler.h"

namespace pilotfish::core {

std::int64_t monotonic_ns() noexcept {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

TimePoint deadline_after(TimePoint now, Duration delay) noexcept {
    const std::int64_t start = to_ns(now);
    const std::int64_t room = std::numeric_limits<std::int64_t>::max() - start;
    return from_ns(delay.count() >= room ? std::numeric_limits<std::int64_t>::max() - 1
                                         : start + delay.count());
}

void ManualClock::advance(Duration step) noexcept {
    now_ns_.fetch_add(step.count(), std::memory_order_acq_rel);
    if (Scheduler* scheduler = Scheduler::current()) scheduler->poller.kick();
}

}  // namespace pilotfish::core
