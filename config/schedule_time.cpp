// The next time of a schedule, in a time zone that leaves hours out and repeats others.
#include <chrono>

#include "config/schedule.h"

namespace pilotfish::config {
namespace {

constexpr std::int64_t kMinute = 60;
constexpr std::int64_t kQuarter = 900;  // clocks leap by whole ones
constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 86400;
// The 29th of February may be eight years away (1896 to 1904, 2096 to 2104).
constexpr std::int64_t kMostDays = 9 * 366;

bool has(std::uint64_t bits, std::int64_t at) { return (bits >> at & 1) != 0; }

std::int64_t day_of(std::int64_t seconds) { return seconds / kDay - (seconds % kDay < 0 ? 1 : 0); }

bool fits_day(const Schedule& schedule, std::int64_t day) {
    const std::chrono::sys_days days{std::chrono::days(day)};
    const std::chrono::year_month_day date(days);
    if (!has(schedule.months, static_cast<unsigned>(date.month()))) return false;
    const bool by_date = has(schedule.days, static_cast<unsigned>(date.day()));
    const bool by_weekday = has(schedule.weekdays, std::chrono::weekday(days).c_encoding());
    return schedule.any_day || schedule.any_weekday ? by_date && by_weekday : by_date || by_weekday;
}

// The moment at which the clock shows that local time: the first of two; where the clock leaps over
// it, the moment of the leap.
std::int64_t moment_of(std::int64_t local, const TimeZone& zone) {
    const std::int64_t before = zone.offset_at(local - kDay);
    const std::int64_t behind = zone.offset_at(local + kDay);
    // Before a clock that is set back the offset is larger, and the moment earlier.
    const std::int64_t first = local - std::max(before, behind);
    if (zone.offset_at(first) + first == local) return first;
    const std::int64_t second = local - std::min(before, behind);
    if (zone.offset_at(second) + second == local) return second;
    std::int64_t low = first;    // the leap is after it
    std::int64_t high = second;  // or here
    while (low + 1 < high) {
        const std::int64_t middle = low + (high - low) / 2;
        (zone.offset_at(middle) == zone.offset_at(first) ? low : high) = middle;
    }
    return high;
}

std::optional<std::int64_t> next_fixed(const Schedule& schedule, const TimeZone& zone,
                                       std::int64_t after) {
    const std::int64_t today = day_of(after + zone.offset_at(after));
    // From yesterday on, as a leap over midnight moves its last minutes into today.
    for (std::int64_t day = today - 1; day < today + kMostDays; ++day) {
        if (!fits_day(schedule, day)) continue;
        std::optional<std::int64_t> earliest;
        for (std::int64_t hour = 0; hour < 24; ++hour) {
            if (!has(schedule.hours, hour)) continue;
            for (std::int64_t minute = 0; minute < 60; ++minute) {
                if (!has(schedule.minutes, minute)) continue;
                const std::int64_t moment =
                    moment_of(day * kDay + hour * kHour + minute * kMinute, zone);
                if (moment > after && (!earliest || moment < *earliest)) earliest = moment;
            }
        }
        if (earliest) return earliest;
    }
    return std::nullopt;
}

std::optional<std::int64_t> next_by_clock(const Schedule& schedule, const TimeZone& zone,
                                          std::int64_t after) {
    std::int64_t at = after + 1;
    const std::int64_t end = after + kMostDays * kDay;
    while (at < end) {
        const std::int64_t local = at + zone.offset_at(at);
        const std::int64_t day = day_of(local);
        const std::int64_t second = local - day * kDay;
        if (second % kMinute != 0) {
            at += kMinute - second % kMinute;
        } else if (!fits_day(schedule, day)) {
            // The clock may leap meanwhile: not quite to the end of the day.
            const std::int64_t rest = kDay - second;
            at += rest > 3 * kHour ? rest - 3 * kHour : kQuarter - second % kQuarter;
        } else if (has(schedule.hours, second / kHour) &&
                   has(schedule.minutes, second / kMinute % 60)) {
            return at;
        } else {
            at += kMinute;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> next_time(const Schedule& schedule, const TimeZone& zone,
                                      std::int64_t after) {
    return schedule.follows_clock ? next_by_clock(schedule, zone, after)
                                  : next_fixed(schedule, zone, after);
}

}  // namespace pilotfish::config
