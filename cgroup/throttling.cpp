#include "cgroup/throttling.h"

#include <utility>

namespace pilotfish::cgroup {

bool Throttling::is_due(TimePoint now) const { return !last_ || now - last_->at >= policy_.window; }

void Throttling::start_anew() {
    last_.reset();
    share_.reset();
    in_a_row_ = 0;
}

bool Throttling::add(const CpuUsage& usage, TimePoint now) {
    if (!usage.periods || !usage.throttled) {
        start_anew();
        return false;
    }
    const Reading reading{now, *usage.periods, *usage.throttled};
    const std::optional<Reading> before = std::exchange(last_, reading);
    // Counters that fell are another group's.
    if (!before || reading.periods < before->periods || reading.throttled < before->throttled)
        return false;
    const std::uint64_t periods = reading.periods - before->periods;
    const std::uint64_t throttled = reading.throttled - before->throttled;
    // A period in which nobody ran is not counted: idle is not throttled.
    share_ = periods == 0 ? 0 : static_cast<double>(throttled) / static_cast<double>(periods);
    const bool speaks_for_change =
        in_episode_ ? *share_ < policy_.ends_below : *share_ > policy_.begins_above;
    in_a_row_ = speaks_for_change ? in_a_row_ + 1 : 0;
    if (in_a_row_ < policy_.windows) return false;
    in_a_row_ = 0;
    in_episode_ = !in_episode_;
    return in_episode_;
}

}  // namespace pilotfish::cgroup
