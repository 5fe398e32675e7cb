#include "config/schedule.h"

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "config/in_quotes.h"

namespace pilotfish::config {
namespace {

// Faster than this is a loop, not a schedule; chosen, not measured.
constexpr Duration kShortest = std::chrono::milliseconds(100);

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed",
                                                       "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    int least;
    int most;
    std::span<const std::string_view> words = {};  // of the values from `least` on
};
constexpr Field kMinute{"minute", 0, 59};
constexpr Field kHour{"hour", 0, 23};
constexpr Field kDay{"day of the month", 1, 31};
constexpr Field kMonth{"month", 1, 12, kMonths};
constexpr Field kWeekday{"day of the week", 0, 7, kWeekdays};

struct Word {
    std::string_view word;
    std::string_view fields;
};
constexpr Word kWords[] = {{"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},
                           {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
                           {"@monthly", "0 0 1 * *"},  {"@yearly", "0 0 1 1 *"},
                           {"@annually", "0 0 1 1 *"}};

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return result;
}

// Reads one field from its text; each function says why not.
class FieldReader {
  public:
    FieldReader(const Field& field, std::string_view text, std::string& why)
        : field_(field), text_(text), why_(why) {}

    bool read(std::uint64_t& bits) {
        bits = 0;
        std::string_view rest = text_;
        for (;;) {
            const std::size_t comma = rest.find(',');
            if (!read_part(rest.substr(0, comma), bits)) return false;
            if (comma == std::string_view::npos) return true;
            rest.remove_prefix(comma + 1);
        }
    }

  private:
    bool refuse(std::string_view part, std::string_view what) {
        why_ = "has " + in_quotes(part) + " as " + std::string(field_.name) + ", which " +
               std::string(what);
        return false;
    }

    bool read_part(std::string_view part, std::uint64_t& bits) {
        const std::size_t slash = part.find('/');
        const std::string_view range = part.substr(0, slash);
        std::int64_t step = 1;
        std::string ignored;
        if (slash != std::string_view::npos &&
            !parse_whole(part.substr(slash + 1), 1, field_.most, step, ignored))
            return refuse(part, "has no step from 1 to " + std::to_string(field_.most));
        int from = field_.least;
        int to = field_.most;
        if (range != "*") {
            const std::size_t dash = range.find('-');
            const bool is_range = dash != std::string_view::npos;
            if (!value(range.substr(0, dash), from) ||
                (is_range && !value(range.substr(dash + 1), to)))
                return refuse(part, "is not " + values());
            if (!is_range) to = from;
            if (!is_range && slash != std::string_view::npos)
                return refuse(part, "has a step on one value; write it on a range, as " +
                                        std::string(range) + "-" + std::to_string(field_.most) +
                                        std::string(part.substr(slash)));
            if (from > to) return refuse(part, "runs backwards; write it as two ranges");
        }
        for (int at = from; at <= to; at += static_cast<int>(step)) bits |= std::uint64_t{1} << at;
        return true;
    }

    bool value(std::string_view text, int& value) const {
        const auto word = std::find(field_.words.begin(), field_.words.end(), lower(text));
        if (word != field_.words.end()) {
            value = field_.least + static_cast<int>(word - field_.words.begin());
            return true;
        }
        std::int64_t number = 0;
        std::string ignored;
        if (!parse_whole(text, field_.least, field_.most, number, ignored)) return false;
        value = static_cast<int>(number);
        return true;
    }

    std::string values() const {
        std::string text =
            "* or from " + std::to_string(field_.least) + " to " + std::to_string(field_.most);
        if (field_.words.empty()) return text;
        return text + ", or from " + std::string(field_.words.front()) + " to " +
               std::string(field_.words.back());
    }

    const Field& field_;
    const std::string_view text_;
    std::string& why_;
};

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (text = trimmed(text); !text.empty(); text = trimmed(text)) {
        const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
        words.push_back(text.substr(0, end));
        text.remove_prefix(end);
    }
    return words;
}

// It becomes part of a path.
bool is_zone_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() == '/' || name.find("..") != name.npos)
        return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_' || c == '-' || c == '+' || c == '/';
    });
}

bool read_fields(std::string_view text, Schedule& schedule, std::string& why) {
    const std::vector<std::string_view> words = words_of(text);
    if (words.size() != 5) {
        why =
            "has " + std::to_string(words.size()) + (words.size() == 1 ? " field" : " fields") +
            (words.size() == 6 ? " and seconds are none of them; for less than a minute use @every"
                               : " and not five");
        return false;
    }
    std::uint64_t bits[5] = {};
    const Field* const fields[5] = {&kMinute, &kHour, &kDay, &kMonth, &kWeekday};
    for (std::size_t at = 0; at < 5; ++at) {
        if (!FieldReader(*fields[at], words[at], why).read(bits[at])) return false;
    }
    constexpr std::uint64_t kSundayAsSeven = 1u << 7;
    if ((bits[4] & kSundayAsSeven) != 0) bits[4] = (bits[4] & ~kSundayAsSeven) | 1;
    schedule.minutes = bits[0];
    schedule.hours = static_cast<std::uint32_t>(bits[1]);
    schedule.days = static_cast<std::uint32_t>(bits[2]);
    schedule.months = static_cast<std::uint32_t>(bits[3]);
    schedule.weekdays = static_cast<std::uint32_t>(bits[4]);
    schedule.follows_clock = words[0].starts_with('*') || words[1].starts_with('*');
    schedule.any_day = words[2].starts_with('*');
    schedule.any_weekday = words[4].starts_with('*');
    constexpr std::int64_t kSomeTime = 1704067200;  // 2024, a leap year
    if (next_time(schedule, TimeZone(), kSomeTime)) return true;
    why = "names a day that never comes";
    return false;
}

bool read_every(std::string_view text, Schedule& schedule, std::string& why) {
    Duration every{};
    if (!parse_duration(trimmed(text), every, why)) {
        if (why.empty()) why = "has no duration behind @every, such as 30s";
        return false;
    }
    if (every < kShortest) {
        why = "is shorter than " + format_duration(kShortest);
        return false;
    }
    schedule.every = every;
    return true;
}

}  // namespace

bool parse_schedule(std::string_view whole, Schedule& value, std::string& why) {
    Schedule schedule;
    schedule.text = whole;
    std::string_view text = trimmed(whole);
    constexpr std::string_view kZone = "CRON_TZ=";
    if (text.starts_with(kZone)) {
        const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
        schedule.zone = text.substr(kZone.size(), end - kZone.size());
        if (!is_zone_name(schedule.zone)) {
            why = "has no name of a time zone behind CRON_TZ=, such as Europe/Berlin";
            return false;
        }
        text = trimmed(text.substr(end));
    }
    constexpr std::string_view kEvery = "@every";
    if (text.starts_with(kEvery) && text.size() > kEvery.size() && is_blank(text[kEvery.size()])) {
        if (!read_every(text.substr(kEvery.size()), schedule, why)) return false;
    } else if (text.starts_with('@')) {
        const auto* const word =
            std::find_if(std::begin(kWords), std::end(kWords),
                         [text](const Word& each) { return each.word == text; });
        if (word == std::end(kWords)) {
            why = text == "@reboot" ? "is once at the start: that is KIND=oneshot"
                                    : "has " + in_quotes(text) + ", which is none of the words";
            return false;
        }
        if (!read_fields(word->fields, schedule, why)) return false;
    } else if (!read_fields(text, schedule, why)) {
        return false;
    }
    value = std::move(schedule);
    return true;
}

}  // namespace pilotfish::config
