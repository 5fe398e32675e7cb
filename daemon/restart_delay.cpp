#include "daemon/restart_delay.h"

#include <algorithm>

namespace pilotfish::daemon {

std::chrono::nanoseconds RestartDelay::next(std::chrono::nanoseconds run_length,
                                            std::uint64_t random) {
    using std::chrono::nanoseconds;
    const nanoseconds cap = std::max(options_.longest, options_.first);
    if (series_ == nanoseconds::zero() || run_length >= options_.reset_run) {
        series_ = options_.first;
    } else {
        series_ = series_ > cap / 2 ? cap : series_ * 2;
    }
    const nanoseconds half = series_ / 2;
    if (half == nanoseconds::zero()) return series_;
    return series_ - half +
           nanoseconds(
               static_cast<std::int64_t>(random % static_cast<std::uint64_t>(half.count() + 1)));
}

}  // namespace pilotfish::daemon
