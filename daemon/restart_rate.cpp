#include "daemon/restart_rate.h"

#include <algorithm>

namespace pilotfish::daemon {

bool RestartLimit::take(Time now) {
    if (limit_.is_off()) return true;
    while (!times_.empty() && now - times_.front() >= limit_.window) times_.pop_front();
    if (times_.size() >= static_cast<std::size_t>(limit_.most)) return false;
    times_.push_back(now);
    return true;
}

RestartBudget::Time RestartBudget::reserve(Time now) {
    if (limit_.is_off()) return now;
    while (!booked_.empty() && now - booked_.front() >= limit_.window) booked_.pop_front();
    const auto most = static_cast<std::size_t>(limit_.most);
    Time at = now;
    if (booked_.size() >= most) at = std::max(now, booked_[booked_.size() - most] + limit_.window);
    booked_.push_back(at);
    return at;
}

}  // namespace pilotfish::daemon
