#include "config/time_zone.h"

#include <algorithm>
#include <chrono>

namespace pilotfish::config {
namespace {

constexpr std::int64_t kDay = 86400;

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
    return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t days_to(int year, unsigned month, unsigned day) {
    using namespace std::chrono;
    const sys_days days =
        std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
    return days.time_since_epoch().count();
}

int year_of(std::int64_t unix_seconds) {
    const std::chrono::sys_days day{std::chrono::days(floor_div(unix_seconds, kDay))};
    return static_cast<int>(std::chrono::year_month_day(day).year());
}

// Midnight of the change's day that year, in days since the epoch.
std::int64_t day_of(const ZoneChange& change, int year) {
    using std::chrono::weekday;
    const std::int64_t new_year = days_to(year, 1, 1);
    if (change.kind == ZoneChange::Kind::day_of_year) return new_year + change.day;
    if (change.kind == ZoneChange::Kind::julian) {
        const bool leap = std::chrono::year(year).is_leap();
        // Day 60 is the first of March in every year.
        return new_year + change.day - 1 + (leap && change.day >= 60 ? 1 : 0);
    }
    const std::int64_t first = days_to(year, static_cast<unsigned>(change.month), 1);
    const weekday on_first{std::chrono::sys_days{std::chrono::days(first)}};
    const auto until = weekday(static_cast<unsigned>(change.day)) - on_first;
    std::int64_t day = first + until.count() + (change.week - 1) * 7;
    const std::int64_t next_month = change.month == 12
                                        ? days_to(year + 1, 1, 1)
                                        : days_to(year, static_cast<unsigned>(change.month) + 1, 1);
    while (day >= next_month) day -= 7;
    return day;
}

// Reads a rule from the left.
class RuleReader {
  public:
    explicit RuleReader(std::string_view text) : rest_(text) {}

    bool read(ZoneRule& rule) {
        std::int64_t west = 0;
        if (!name() || !time_of(west, 24)) return false;
        rule.standard = -west;
        if (rest_.empty()) return true;
        if (!name()) return false;
        rule.has_summer = true;
        rule.summer = rule.standard + 3600;
        if (!rest_.empty() && rest_.front() != ',') {
            if (!time_of(west, 24)) return false;
            rule.summer = -west;
        }
        if (rest_.empty()) {
            // POSIX leaves the days open; glibc takes those of the United States.
            rule.begins = {.month = 3, .week = 2};
            rule.ends = {.month = 11, .week = 1};
            return true;
        }
        return take(',') && change(rule.begins) && take(',') && change(rule.ends) && rest_.empty();
    }

  private:
    bool take(char letter) {
        if (rest_.empty() || rest_.front() != letter) return false;
        rest_.remove_prefix(1);
        return true;
    }

    bool name() {
        const bool quoted = take('<');
        std::size_t length = 0;
        const auto fits = [&](char c) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            return letter || (quoted && ((c >= '0' && c <= '9') || c == '+' || c == '-'));
        };
        while (length < rest_.size() && fits(rest_[length])) ++length;
        if (length < 3) return false;
        rest_.remove_prefix(length);
        return !quoted || take('>');
    }

    bool number(std::int64_t most, std::int64_t& value) {
        std::size_t length = 0;
        value = 0;
        while (length < rest_.size() && length < 4 && rest_[length] >= '0' && rest_[length] <= '9')
            value = value * 10 + (rest_[length++] - '0');
        rest_.remove_prefix(length);
        return length > 0 && value <= most;
    }

    // "[+-]hh[:mm[:ss]]" in seconds.
    bool time_of(std::int64_t& seconds, std::int64_t most_hours) {
        const bool negative = take('-');
        if (!negative) take('+');
        std::int64_t part = 0;
        if (!number(most_hours, part)) return false;
        seconds = part * 3600;
        for (const std::int64_t unit : {60, 1}) {
            if (!take(':')) break;
            if (!number(59, part)) return false;
            seconds += part * unit;
        }
        if (negative) seconds = -seconds;
        return true;
    }

    bool change(ZoneChange& change) {
        std::int64_t value = 0;
        if (take('M')) {
            change.kind = ZoneChange::Kind::month_week_day;
            if (!number(12, value) || value == 0 || !take('.')) return false;
            change.month = static_cast<int>(value);
            if (!number(5, value) || value == 0 || !take('.')) return false;
            change.week = static_cast<int>(value);
            if (!number(6, value)) return false;
        } else if (take('J')) {
            change.kind = ZoneChange::Kind::julian;
            if (!number(365, value) || value == 0) return false;
        } else {
            change.kind = ZoneChange::Kind::day_of_year;
            if (!number(365, value)) return false;
        }
        change.day = static_cast<int>(value);
        // Up to a week around, as RFC 9636 (3.3.1) extends POSIX.
        return !take('/') || time_of(change.seconds, 167);
    }

    std::string_view rest_;
};

// Reads big-endian numbers from the left; false: there are too few bytes.
class BytesReader {
  public:
    explicit BytesReader(std::string_view bytes) : rest_(bytes) {}
    bool number(int width, std::int64_t& value) {
        if (rest_.size() < static_cast<std::size_t>(width)) return false;
        std::uint64_t bits = 0;
        for (int i = 0; i < width; ++i)
            bits = bits << 8 | static_cast<unsigned char>(rest_[static_cast<std::size_t>(i)]);
        rest_.remove_prefix(static_cast<std::size_t>(width));
        value = width == 4 ? std::int64_t{static_cast<std::int32_t>(bits)}
                           : static_cast<std::int64_t>(bits);
        return true;
    }
    bool skip(std::int64_t count) {
        if (count < 0 || static_cast<std::uint64_t>(count) > rest_.size()) return false;
        rest_.remove_prefix(static_cast<std::size_t>(count));
        return true;
    }
    std::string_view rest() const { return rest_; }

  private:
    std::string_view rest_;
};

struct Header {
    char version = 0;
    // As RFC 9636 names them.
    std::int64_t isutcnt = 0, isstdcnt = 0, leapcnt = 0, timecnt = 0, typecnt = 0, charcnt = 0;

    bool read(BytesReader& bytes) {
        if (!bytes.rest().starts_with("TZif") || bytes.rest().size() < 5) return false;
        version = bytes.rest()[4];
        if (!bytes.skip(20)) return false;
        for (std::int64_t* count : {&isutcnt, &isstdcnt, &leapcnt, &timecnt, &typecnt, &charcnt}) {
            // No zone has more than a few hundred changes.
            if (!bytes.number(4, *count) || *count < 0 || *count > 100'000) return false;
        }
        return typecnt > 0;
    }
    std::int64_t body_bytes(int width) const {
        return timecnt * (width + 1) + typecnt * 6 + charcnt + leapcnt * (width + 4) + isstdcnt +
               isutcnt;
    }
};

}  // namespace

std::int64_t ZoneRule::offset_at(std::int64_t unix_seconds) const {
    if (!has_summer) return standard;
    const int year = year_of(unix_seconds + standard);
    const std::int64_t from = day_of(begins, year) * kDay + begins.seconds - standard;
    const std::int64_t to = day_of(ends, year) * kDay + ends.seconds - summer;
    const bool in_summer = from < to ? from <= unix_seconds && unix_seconds < to
                                     : !(to <= unix_seconds && unix_seconds < from);
    return in_summer ? summer : standard;
}

std::optional<TimeZone> TimeZone::from_rule(std::string_view text, std::string& why) {
    ZoneRule rule;
    if (!RuleReader(text).read(rule)) {
        why = "is neither the name of a zone nor a rule such as CET-1CEST,M3.5.0,M10.5.0/3";
        return std::nullopt;
    }
    TimeZone zone;
    zone.rule_ = rule;
    return zone;
}

std::optional<TimeZone> TimeZone::from_file(std::string_view file, std::string& why) {
    why = "is no zone file (TZif)";
    BytesReader bytes(file);
    Header header;
    if (!header.read(bytes)) return std::nullopt;
    const bool is_long = header.version >= '2';
    // The first body is for readers of 32-bit times only.
    if (is_long && (!bytes.skip(header.body_bytes(4)) || !header.read(bytes))) return std::nullopt;
    const int width = is_long ? 8 : 4;
    if (static_cast<std::uint64_t>(header.body_bytes(width)) > bytes.rest().size())
        return std::nullopt;

    TimeZone zone;
    zone.rule_.reset();
    for (std::int64_t at = 0; at < header.timecnt; ++at) {
        std::int64_t when = 0;
        if (!bytes.number(width, when)) return std::nullopt;
        if (!zone.changes_.empty() && when <= zone.changes_.back().at) return std::nullopt;
        zone.changes_.push_back({when, 0});
    }
    std::vector<std::int64_t> types(static_cast<std::size_t>(header.timecnt));
    for (std::int64_t& type : types) {
        if (!bytes.number(1, type) || type >= header.typecnt) return std::nullopt;
    }
    std::vector<std::int64_t> offsets(static_cast<std::size_t>(header.typecnt));
    for (std::int64_t& offset : offsets) {
        // RFC 9636 (3.2) wants less than 26 hours.
        if (!bytes.number(4, offset) || !bytes.skip(2) || offset < -26 * 3600 || offset > 26 * 3600)
            return std::nullopt;
    }
    for (std::size_t at = 0; at < types.size(); ++at)
        zone.changes_[at].offset = offsets[static_cast<std::size_t>(types[at])];
    zone.first_ = offsets.front();
    if (!is_long) return zone;
    bytes.skip(header.body_bytes(width) - header.timecnt * (width + 1) - header.typecnt * 6);
    const std::string_view foot = bytes.rest();
    const std::size_t end = foot.find('\n', 1);
    if (!foot.starts_with('\n') || end == std::string_view::npos) return std::nullopt;
    const std::string_view text = foot.substr(1, end - 1);
    if (text.empty()) return zone;
    ZoneRule rule;
    if (!RuleReader(text).read(rule)) return std::nullopt;
    zone.rule_ = rule;
    return zone;
}

std::int64_t TimeZone::offset_at(std::int64_t unix_seconds) const {
    const auto after =
        std::upper_bound(changes_.begin(), changes_.end(), unix_seconds,
                         [](std::int64_t time, const Change& change) { return time < change.at; });
    if (after == changes_.end() && rule_) return rule_->offset_at(unix_seconds);
    return after == changes_.begin() ? first_ : std::prev(after)->offset;
}

}  // namespace pilotfish::config
