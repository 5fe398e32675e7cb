// How long to wait before a worker is started again: exponential, capped, jittered, and back at the
// start once a run has lasted long enough.
//
// Not thread-safe: one worker's own. Pure: no clock, no random source of its own. Never blocks or
// fails.
#pragma once

#include <chrono>
#include <cstdint>

namespace pilotfish::daemon {

struct RestartDelayOptions {
    std::chrono::nanoseconds first;      // before the first restart; 0: none at all, ever
    std::chrono::nanoseconds longest;    // the cap
    std::chrono::nanoseconds reset_run;  // a run of at least this length starts the series anew
};

class RestartDelay {
  public:
    explicit RestartDelay(RestartDelayOptions options) : options_(options) {}

    // The delay after a run that lasted run_length. random: uniform over all 64-bit values.
    // Doubles each time up to the cap, then takes a uniform share of 50..100% of it ("equal
    // jitter": Brooker, "Exponential Backoff And Jitter", 2015), so that workers that fail together
    // do not come back together, and none comes back at once.
    std::chrono::nanoseconds next(std::chrono::nanoseconds run_length, std::uint64_t random);

    // Where the series stands, to go on with it after an upgrade.
    std::chrono::nanoseconds series() const { return series_; }
    void resume(std::chrono::nanoseconds series) { series_ = series; }

  private:
    RestartDelayOptions options_;
    std::chrono::nanoseconds series_{0};  // the unjittered delay of the last restart; 0: none yet
};

}  // namespace pilotfish::daemon
