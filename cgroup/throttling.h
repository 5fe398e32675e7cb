// Whether the CPU quota holds the container up so often that somebody should be told: once an
// episode, with the mend.
//
// An episode begins when more than 10% of the quota's periods were throttled over three windows of
// 10 s in a row (5 to 10% is where latency begins to suffer; half a minute, so that no burst at a
// start is a story), and is over after three below 5%. Chosen, not measured.
//
// Plain state; time is passed in. One thread at a time. Never blocks, never fails.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "cgroup/usage.h"

namespace pilotfish::cgroup {

struct ThrottlingPolicy {
    std::chrono::seconds window{10};
    int windows = 3;  // in a row, for an episode to begin and to end
    double begins_above = 0.10;
    double ends_below = 0.05;
};

class Throttling {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    explicit Throttling(ThrottlingPolicy policy = {}) : policy_(policy) {}

    // True when the window is over: then add() what the counters say.
    bool is_due(TimePoint now) const;
    // True when an episode has just begun.
    bool add(const CpuUsage& usage, TimePoint now);
    // Another group counts from now on.
    void start_anew();

    // Throttled periods / periods of the last whole window; nullopt: none is over yet, or the
    // quota was not used in it.
    std::optional<double> share() const { return share_; }

  private:
    struct Reading {
        TimePoint at;
        std::uint64_t periods;
        std::uint64_t throttled;
    };
    ThrottlingPolicy policy_;
    std::optional<Reading> last_;
    std::optional<double> share_;
    bool in_episode_ = false;
    int in_a_row_ = 0;  // windows that speak for a change of that
};

}  // namespace pilotfish::cgroup
