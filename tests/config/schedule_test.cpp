#include "config/schedule.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

namespace pilotfish::config {
namespace {

constexpr const char* kBerlin = "CET-1CEST,M3.5.0,M10.5.0/3";
constexpr const char* kUtc = "UTC0";
constexpr const char* kNewYork = "EST5EDT,M3.2.0,M11.1.0";
constexpr const char* kLordHowe = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";  // leaps by half an hour
constexpr const char* kNepal = "<+0545>-5:45";

std::int64_t utc(const std::string& text) {
    int year = 0;
    unsigned month = 0, day = 0, hour = 0, minute = 0;
    EXPECT_EQ(std::sscanf(text.c_str(), "%d-%u-%u %u:%u", &year, &month, &day, &hour, &minute), 5)
        << text;
    const std::chrono::sys_days date =
        std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
    return std::int64_t{date.time_since_epoch().count()} * 86400 + hour * 3600 + minute * 60;
}

std::string words(std::int64_t time) {
    const std::chrono::sys_days day{std::chrono::days(time / 86400)};
    const std::chrono::year_month_day date(day);
    char text[32];
    std::snprintf(text, sizeof text, "%d-%02u-%02u %02d:%02d", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  static_cast<int>(time % 86400 / 3600), static_cast<int>(time % 3600 / 60));
    return text;
}

TimeZone zone_of(const char* rule) {
    std::string why;
    const auto zone = TimeZone::from_rule(rule, why);
    EXPECT_TRUE(zone) << rule << ": " << why;
    return zone.value_or(TimeZone());
}

Schedule schedule_of(const std::string& text) {
    Schedule schedule;
    std::string why;
    EXPECT_TRUE(parse_schedule(text, schedule, why)) << text << ": " << why;
    return schedule;
}

std::string why_not(const std::string& text) {
    Schedule schedule;
    schedule.text = "kept";
    std::string why;
    EXPECT_FALSE(parse_schedule(text, schedule, why)) << text;
    EXPECT_EQ(schedule.text, "kept");
    return why;
}

struct Case {
    const char* schedule;
    const char* zone;
    const char* after;               // UTC, as are those that come
    std::vector<std::string> times;  // the next ones, in order
};

// 2026: Berlin leaps over 02:00-03:00 on 29 March (01:00 UTC) and repeats it on 25 October.
const Case kCases[] = {
    {"* * * * *", kUtc, "2026-01-01 00:00", {"2026-01-01 00:01", "2026-01-01 00:02"}},
    {"*/20 * * * *", kUtc, "2026-01-01 00:05", {"2026-01-01 00:20", "2026-01-01 00:40"}},
    {"5-20/7 8 * * *", kUtc, "2026-01-01 08:05", {"2026-01-01 08:12", "2026-01-01 08:19"}},
    {"@hourly", kUtc, "2026-01-01 00:00", {"2026-01-01 01:00"}},
    {"@daily", kUtc, "2026-01-31 00:00", {"2026-02-01 00:00"}},
    {"@weekly", kUtc, "2026-11-23 12:00", {"2026-11-29 00:00"}},
    {"@monthly", kUtc, "2026-12-01 00:00", {"2027-01-01 00:00"}},
    {"@yearly", kUtc, "2026-01-01 00:00", {"2027-01-01 00:00"}},
    {"0 4 * * MON-fri", kUtc, "2026-11-20 05:00", {"2026-11-23 04:00"}},
    {"0 0 * * 7", kUtc, "2026-11-23 00:00", {"2026-11-29 00:00"}},
    {"0 0 * * 5-7",
     kUtc,
     "2026-11-23 00:00",
     {"2026-11-27 00:00", "2026-11-28 00:00", "2026-11-29 00:00", "2026-12-04 00:00"}},
    {"30 6 1 jan,jul *", kUtc, "2026-01-01 06:30", {"2026-07-01 06:30", "2027-01-01 06:30"}},
    {"0 0 29 2 *", kUtc, "2096-02-29 00:00", {"2104-02-29 00:00"}},
    {"* * 29 2 *", kUtc, "2096-03-01 00:00", {"2104-02-29 00:00"}},
    {"0 0 31 * *", kUtc, "2026-01-31 00:00", {"2026-03-31 00:00", "2026-05-31 00:00"}},
    // Both days are named: either of them. The 13th of November 2026 is a Friday.
    {"0 0 13 * FRI",
     kUtc,
     "2026-11-06 00:00",
     {"2026-11-13 00:00", "2026-11-20 00:00", "2026-11-27 00:00", "2026-12-04 00:00",
      "2026-12-11 00:00", "2026-12-13 00:00"}},
    // One of them begins with *: both must fit.
    {"0 0 */2 * FRI", kUtc, "2026-11-06 00:00", {"2026-11-13 00:00", "2026-11-27 00:00"}},
    // Fixed times and the leap: once, at its end.
    {"30 2 * * *", kBerlin, "2026-03-28 01:30", {"2026-03-29 01:00", "2026-03-30 00:30"}},
    {"15,45 2 * * *", kBerlin, "2026-03-28 01:45", {"2026-03-29 01:00", "2026-03-30 00:15"}},
    // The clock is followed: what it leaps over does not come.
    {"*/30 2 * * *", kBerlin, "2026-03-28 01:30", {"2026-03-30 00:00", "2026-03-30 00:30"}},
    {"30 * * * *", kBerlin, "2026-03-29 00:00", {"2026-03-29 00:30", "2026-03-29 01:30"}},
    // Fixed times and the hour that comes twice: the first only.
    {"30 2 * * *", kBerlin, "2026-10-24 00:30", {"2026-10-25 00:30", "2026-10-26 01:30"}},
    // The clock is followed: twice.
    {"30 * * * *",
     kBerlin,
     "2026-10-25 00:00",
     {"2026-10-25 00:30", "2026-10-25 01:30", "2026-10-25 02:30"}},
    {"*/30 2 * * *",
     kBerlin,
     "2026-10-24 12:00",
     {"2026-10-25 00:00", "2026-10-25 00:30", "2026-10-25 01:00", "2026-10-25 01:30",
      "2026-10-26 01:00"}},
    // From within the repeated hour.
    {"30 2 * * *", kBerlin, "2026-10-25 00:45", {"2026-10-26 01:30"}},
    {"30 2 * * *", kNewYork, "2026-03-07 08:00", {"2026-03-08 07:00", "2026-03-09 06:30"}},
    {"30 1 * * *", kNewYork, "2026-10-31 12:00", {"2026-11-01 05:30", "2026-11-02 06:30"}},
    {"15 2 * * *", kLordHowe, "2026-10-03 00:00", {"2026-10-03 15:30", "2026-10-04 15:15"}},
    {"0 0 * * *", kNepal, "2026-01-01 00:00", {"2026-01-01 18:15", "2026-01-02 18:15"}},
    {"*/15 0 * * *", kNepal, "2026-01-01 00:00", {"2026-01-01 18:15", "2026-01-01 18:30"}},
};

TEST(Schedule, ComesAtTheTimesThatTheTableSays) {
    for (const Case& each : kCases) {
        const Schedule schedule = schedule_of(each.schedule);
        const TimeZone zone = zone_of(each.zone);
        std::int64_t time = utc(each.after);
        for (const std::string& expected : each.times) {
            const auto next = next_time(schedule, zone, time);
            ASSERT_TRUE(next) << each.schedule;
            EXPECT_EQ(words(*next), expected)
                << each.schedule << " in " << each.zone << " after " << words(time);
            time = *next;
        }
    }
}

TEST(Schedule, IsAlwaysLaterThanTheTimeItIsAskedOf) {
    for (const Case& each : kCases) {
        const Schedule schedule = schedule_of(each.schedule);
        const TimeZone zone = zone_of(each.zone);
        for (std::int64_t time = utc("2026-03-28 12:00"); time < utc("2026-03-29 12:00");
             time += 60 * 13 + 7) {
            const auto next = next_time(schedule, zone, time);
            ASSERT_TRUE(next);
            EXPECT_GT(*next, time) << each.schedule;
        }
    }
}

TEST(Schedule, HasAZoneOfItsOwn) {
    EXPECT_EQ(schedule_of("CRON_TZ=Europe/Berlin 0 4 * * *").zone, "Europe/Berlin");
    EXPECT_EQ(schedule_of("CRON_TZ=UTC @daily").zone, "UTC");
    EXPECT_EQ(schedule_of("@daily").zone, "");
    for (const char* bad : {"CRON_TZ= @daily", "CRON_TZ=../../etc/passwd @daily",
                            "CRON_TZ=/etc/localtime @daily", "CRON_TZ=a\tb"})
        EXPECT_FALSE(why_not(bad).empty()) << bad;
}

TEST(Schedule, MayBeAPlainInterval) {
    EXPECT_EQ(*schedule_of("@every 30s").every, std::chrono::seconds(30));
    EXPECT_EQ(*schedule_of("@every  1h30m").every, std::chrono::minutes(90));
    EXPECT_EQ(why_not("@every 1ms"), "is shorter than 100ms");
    EXPECT_FALSE(why_not("@every").empty());
    EXPECT_FALSE(why_not("@every 5").empty());
}

TEST(Schedule, SaysWhatIsWrong) {
    EXPECT_EQ(why_not("60 * * * *"), "has \"60\" as minute, which is not * or from 0 to 59");
    EXPECT_EQ(why_not("* * * foo *"),
              "has \"foo\" as month, which is not * or from 1 to 12, or from jan to dec");
    EXPECT_EQ(why_not("0 22-4 * * *"),
              "has \"22-4\" as hour, which runs backwards; write it as two ranges");
    EXPECT_EQ(why_not("5/15 * * * *"),
              "has \"5/15\" as minute, which has a step on one value; write it on a range, as "
              "5-59/15");
    EXPECT_EQ(why_not("*/0 * * * *"), "has \"*/0\" as minute, which has no step from 1 to 59");
    EXPECT_EQ(why_not("* * * *"), "has 4 fields and not five");
    EXPECT_EQ(why_not("0 * * * * *"),
              "has 6 fields and seconds are none of them; for less than a minute use @every");
    EXPECT_EQ(why_not("0 0 30 2 *"), "names a day that never comes");
    EXPECT_EQ(why_not("@reboot"), "is once at the start: that is KIND=oneshot");
    for (const char* bad : {"", "@dayly", "1,,2 * * * *", "-1 * * * *", "* * 0 * *", "* * * * 8",
                            "* * * 13 *", "1- * * * *", "? * * * *", "1/ * * * *"})
        EXPECT_FALSE(why_not(bad).empty()) << bad;
}

}  // namespace
}  // namespace pilotfish::config
