// When a cron worker runs: five fields as Vixie's cron reads them, a word such as @daily, or
// "@every 30s".
//
//     minute hour day-of-month month day-of-week     0 4 * * MON-FRI
//     CRON_TZ=Europe/Berlin 0 4 * * *                in a time zone of its own
//
// Numbers, names (JAN, MON, any case), ranges, lists, steps on * or a range; Sunday is 0 or 7. A
// day fits both day fields; where neither of them begins with *, it fits one of them (crontab(5)).
//
// Daylight saving, as crontab(5) defines it: a schedule whose minute and hour are both fixed runs
// once a day it fits, whatever the clock does: a time that is left out runs at the end of the gap,
// a time that comes twice runs the first time. One whose minute or hour begins with * follows the
// clock: what is left out does not run, what comes twice runs twice.
//
// Plain values, any thread, never blocks. Fails by false with half a sentence in `why`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/quantity.h"
#include "config/time_zone.h"

namespace pilotfish::config {

struct Schedule {
    std::string text;               // as it was written
    std::string zone;               // after CRON_TZ=; empty: the daemon's TZ, else UTC
    std::optional<Duration> every;  // @every: from start to start, on a clock that nobody sets

    // A bit for each value.
    std::uint64_t minutes = 0;
    std::uint32_t hours = 0;
    std::uint32_t days = 0;    // 1 to 31
    std::uint32_t months = 0;  // 1 to 12
    std::uint32_t weekdays = 0;
    bool any_day = false;      // the day of the month begins with *
    bool any_weekday = false;  // the day of the week does
    bool follows_clock = false;

    bool operator==(const Schedule&) const = default;
};

bool parse_schedule(std::string_view text, Schedule& value, std::string& why);

// The first time after that one, in seconds since the epoch; nullopt: it never comes. Requires: no
// `every`.
std::optional<std::int64_t> next_time(const Schedule& schedule, const TimeZone& zone,
                                      std::int64_t after);

}  // namespace pilotfish::config
