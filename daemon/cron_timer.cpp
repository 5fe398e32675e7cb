#include "daemon/cron_timer.h"

#include <algorithm>

namespace pilotfish::daemon {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr seconds kLongestLook{60};
// Less is the clock being slewed, or two looks that were not quite at once.
constexpr seconds kSetBack{1};
constexpr std::chrono::hours kNewDate{3};  // cron(8)
// More missed ones are not worth the counting.
constexpr std::uint64_t kMostCounted = 10'000;

std::int64_t unix_seconds(WallTime time) {
    return std::chrono::floor<seconds>(time.time_since_epoch()).count();
}

}  // namespace

void CronTimer::aim(WallTime after) {
    const auto next = config::next_time(schedule_, zone_, unix_seconds(after));
    // A schedule that can be read has a next time within nine years.
    next_wall_ = next ? WallTime(seconds(*next)) : WallTime::max();
}

void CronTimer::begin(const Moment& now) {
    seen_ = now;
    if (schedule_.every) {
        next_steady_ = now.steady + *schedule_.every;
    } else {
        aim(now.wall);
    }
}

std::uint64_t CronTimer::look(const Moment& now) {
    if (schedule_.every) {
        if (now.steady < next_steady_) return 0;
        const auto times = (now.steady - next_steady_) / *schedule_.every + 1;
        next_steady_ += times * *schedule_.every;
        return static_cast<std::uint64_t>(times);
    }
    const nanoseconds set_back = (now.steady - seen_.steady) - nanoseconds(now.wall - seen_.wall);
    seen_ = now;
    if (set_back > kSetBack && (schedule_.follows_clock || set_back >= kNewDate)) aim(now.wall);
    std::uint64_t times = 0;
    while (next_wall_ <= now.wall) {
        aim(++times < kMostCounted ? next_wall_ : now.wall);
    }
    return times;
}

nanoseconds CronTimer::until_next(const Moment& now) const {
    const nanoseconds left =
        schedule_.every ? next_steady_ - now.steady : nanoseconds(next_wall_ - now.wall);
    return std::max(left, nanoseconds::zero());
}

std::chrono::steady_clock::time_point CronTimer::look_again(const Moment& now) const {
    return now.steady + std::min<nanoseconds>(until_next(now), kLongestLook);
}

}  // namespace pilotfish::daemon
