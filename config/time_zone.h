// A time zone: how far local time is from UTC at a moment. From the bytes of a zone file (TZif,
// RFC 9636) or from the rule that a TZ variable may hold (POSIX.1-2017, 8.3: "CET-1CEST,M3.5.0,
// M10.5.0/3").
//
// Plain values, any thread, never blocks: who opens the file is daemon/zone_file. Fails: the
// makers, by nullopt with half a sentence in `why`. Limits: leap seconds are ignored, as POSIX time
// does; names and the flag "summer time" are not kept.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::config {

// The day and time of a change, every year.
struct ZoneChange {
    enum class Kind : std::uint8_t { month_week_day, julian, day_of_year } kind{};
    int month = 0;  // 1 to 12
    int week = 0;   // 1 to 5, 5 being the last
    int day = 0;    // 0 to 6 from Sunday; or of the year: julian 1 to 365, day_of_year 0 to 365
    std::int64_t seconds = 7200;  // local time of the day, may lie in days around it
};

// What holds without a list of changes, or after its last.
struct ZoneRule {
    std::int64_t standard = 0;  // seconds east of UTC
    bool has_summer = false;
    std::int64_t summer = 0;
    ZoneChange begins, ends;

    std::int64_t offset_at(std::int64_t unix_seconds) const;
};

class TimeZone {
  public:
    // UTC.
    TimeZone() = default;
    static std::optional<TimeZone> from_rule(std::string_view text, std::string& why);
    static std::optional<TimeZone> from_file(std::string_view bytes, std::string& why);

    // Seconds east of UTC at that moment.
    std::int64_t offset_at(std::int64_t unix_seconds) const;

  private:
    struct Change {
        std::int64_t at;
        std::int64_t offset;
    };
    std::int64_t first_ = 0;                     // before the first change
    std::vector<Change> changes_;                // by time
    std::optional<ZoneRule> rule_ = ZoneRule{};  // after the last change; nullopt: that one stays
};

}  // namespace pilotfish::config
