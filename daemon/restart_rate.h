// Restarts counted over a sliding window: a worker's RESTART_LIMIT and the container's
// PILOTFISH_RESTART_BUDGET.
//
// Pure: time is passed in, of a clock that nobody sets; it must not go back. Not thread-safe. Never
// blocks or fails. Memory: one time for each restart within the window.
#pragma once

#include <chrono>
#include <deque>
#include <utility>

#include "config/rate_limit.h"

namespace pilotfish::daemon {

// Says when it is too much.
class RestartLimit {
  public:
    using Time = std::chrono::steady_clock::time_point;
    explicit RestartLimit(config::RateLimit limit) : limit_(limit) {}

    // One more, now. False: that is more than the limit allows, and it is not counted.
    bool take(Time now);
    void forget() { times_.clear(); }
    // Those within the window, to go on with after an upgrade.
    const std::deque<Time>& times() const { return times_; }
    void resume(std::deque<Time> times) { times_ = std::move(times); }

  private:
    config::RateLimit limit_;
    std::deque<Time> times_;
};

// Says when there is room, first come first served.
class RestartBudget {
  public:
    using Time = std::chrono::steady_clock::time_point;
    explicit RestartBudget(config::RateLimit limit) : limit_(limit) {}

    // Books one for whoever would restart now, and returns when it may: now, or as soon as no
    // window holds more than the limit. What was booked and not used counts.
    Time reserve(Time now);
    // Likewise.
    const std::deque<Time>& booked() const { return booked_; }
    void resume(std::deque<Time> booked) { booked_ = std::move(booked); }

  private:
    config::RateLimit limit_;
    std::deque<Time> booked_;  // in order; those ahead of us too
};

}  // namespace pilotfish::daemon
