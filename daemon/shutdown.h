// The phases of a shutdown and when each begins.
//
//   delaying   readiness is down, nobody is told yet (PILOTFISH_DRAIN_DELAY)
//   asking     the workers are asked, in order
//   telling    most of the time is over: every descendant is told, whoever started it. A shell that
//              waits for its foreground child before it runs its TERM trap is freed by this.
//   killing    the time is over
//
// Not thread-safe: the supervisor's own. Pure: time is passed in. Never blocks or fails.
#pragma once

#include <chrono>
#include <cstdint>

namespace pilotfish::daemon {

enum class ShutdownPhase : std::uint8_t { delaying, asking, telling, killing };

class Shutdown {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // The whole must be over within timeout, the delay included.
    Shutdown(Time now, std::chrono::nanoseconds delay, std::chrono::nanoseconds timeout)
        : asks_at_(now + (delay < timeout ? delay : timeout)),
          kills_at_(now + timeout),
          // The last fifth of the workers' time is for those told late; chosen, not measured.
          tells_at_(kills_at_ - (kills_at_ - asks_at_) / 5) {}

    ShutdownPhase phase() const { return phase_; }

    // When the next phase begins; in the last one, when to kill again.
    Time next() const {
        switch (phase_) {
            case ShutdownPhase::delaying: return asks_at_;
            case ShutdownPhase::asking: return tells_at_;
            case ShutdownPhase::telling: break;
            case ShutdownPhase::killing: break;
        }
        return kills_at_;
    }

    Time kills_at() const { return kills_at_; }

    // Moves to the next phase; in the last one, sets when to kill again: a process in an
    // uninterruptible wait takes its SIGKILL late, and a tree may have grown.
    void advance() {
        if (phase_ != ShutdownPhase::killing) {
            phase_ = static_cast<ShutdownPhase>(static_cast<int>(phase_) + 1);
        }
        if (phase_ == ShutdownPhase::killing) kills_at_ += std::chrono::milliseconds(100);
    }

  private:
    Time asks_at_;
    Time kills_at_;
    Time tells_at_;
    ShutdownPhase phase_ = ShutdownPhase::delaying;
};

}  // namespace pilotfish::daemon
