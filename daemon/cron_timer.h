// When a cron worker is due, by two clocks: its schedule goes by the wall clock, which people and
// machines set, and the waiting by one that nobody does.
//
//   five fields  by local time. The clock was set forward, or the machine slept: times that were
//                passed over are missed, and told as one look's `times`. It was set back by less
//                than three hours (as cron(8) has it: a correction, no new date): a fixed time that
//                has come does not come again, and schedules that follow the clock begin anew.
//                Further back: all begin anew.
//   @every       from start to start by the clock that nobody sets; a clock that is set changes
//                nothing.
//
// Pure: both times are passed in. Not thread-safe: a worker's own. Never blocks or fails. Limits: a
// clock that is set is noticed at the next look, within a minute (as cron(8) itself looks), so a
// run may be that late.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "config/schedule.h"
#include "config/time_zone.h"

namespace pilotfish::daemon {

using WallTime = std::chrono::system_clock::time_point;

// One look at both clocks.
struct Moment {
    WallTime wall;
    std::chrono::steady_clock::time_point steady;
};

class CronTimer {
  public:
    CronTimer(config::Schedule schedule, config::TimeZone zone)
        : schedule_(std::move(schedule)), zone_(std::move(zone)) {}

    // Times count from here on.
    void begin(const Moment& now);
    // How many times have come since the last look; 0: none.
    std::uint64_t look(const Moment& now);
    // When to look again, at the latest.
    std::chrono::steady_clock::time_point look_again(const Moment& now) const;
    // Where it stands, to go on with after an upgrade.
    struct Stand {
        Moment seen{};
        WallTime next_wall{};
        std::chrono::steady_clock::time_point next_steady{};
    };
    Stand stand() const { return {seen_, next_wall_, next_steady_}; }
    void resume(const Stand& stand) {
        seen_ = stand.seen;
        next_wall_ = stand.next_wall;
        next_steady_ = stand.next_steady;
    }

    // Until the next time.
    std::chrono::nanoseconds until_next(const Moment& now) const;

  private:
    void aim(WallTime after);

    const config::Schedule schedule_;
    const config::TimeZone zone_;
    Moment seen_{};
    WallTime next_wall_{};
    std::chrono::steady_clock::time_point next_steady_{};  // of @every
};

}  // namespace pilotfish::daemon
