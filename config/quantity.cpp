#include "config/quantity.h"

#include <array>
#include <limits>

namespace pilotfish::config {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
// Larger machines do not exist (Linux: NR_CPUS at most 8192); a larger figure is a slip of the
// unit.
constexpr double kMostCpus = 4096;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// An unsigned decimal number cut off the front of text, kept exactly: whole + fraction / scale.
struct Decimal {
    std::uint64_t whole = 0;
    std::uint64_t fraction = 0;
    std::uint64_t scale = 1;  // a power of ten, at most 10^9: finer digits are refused
};

enum class Cut { number, none, too_large, too_fine };

Cut cut_decimal(std::string_view& text, Decimal& number) {
    std::size_t at = 0;
    for (; at < text.size() && is_digit(text[at]); ++at) {
        const std::uint64_t digit = static_cast<std::uint64_t>(text[at] - '0');
        if (number.whole > (kMost - digit) / 10) return Cut::too_large;
        number.whole = number.whole * 10 + digit;
    }
    if (at == 0) return Cut::none;
    if (at < text.size() && text[at] == '.') {
        const std::size_t first = ++at;
        for (; at < text.size() && is_digit(text[at]); ++at) {
            if (number.scale == 1'000'000'000) return Cut::too_fine;
            number.fraction = number.fraction * 10 + static_cast<std::uint64_t>(text[at] - '0');
            number.scale *= 10;
        }
        if (at == first) return Cut::none;
    }
    text.remove_prefix(at);
    return Cut::number;
}

// The unit's letters at the front of text; the next digit ends them.
std::string_view cut_letters(std::string_view& text) {
    std::size_t at = 0;
    while (at < text.size() && !is_digit(text[at]) && text[at] != '.') ++at;
    const std::string_view letters = text.substr(0, at);
    text.remove_prefix(at);
    return letters;
}

// number * factor, or false when it does not fit or is no whole number of base units.
bool scaled(const Decimal& number, std::uint64_t factor, std::uint64_t& result) {
    __extension__ using Wide = unsigned __int128;
    const Wide total = Wide{number.whole} * factor * number.scale + Wide{number.fraction} * factor;
    // A fraction finer than the base unit ("0.3k" is 300, "0.0001k" is none) is cut off, as Go
    // does.
    const Wide units = total / number.scale;
    if (units > kMost) return false;
    result = static_cast<std::uint64_t>(units);
    return true;
}

bool explain(Cut cut, std::string& why) {
    if (cut == Cut::too_large) why = "is too large";
    if (cut == Cut::too_fine) why = "has more than nine decimals";
    return false;
}

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::array<Unit, 9> kSizeUnits{{{"k", 1'000},
                                          {"M", 1'000'000},
                                          {"G", 1'000'000'000},
                                          {"Ki", 1ULL << 10},
                                          {"Mi", 1ULL << 20},
                                          {"Gi", 1ULL << 30},
                                          {"KiB", 1ULL << 10},
                                          {"MiB", 1ULL << 20},
                                          {"GiB", 1ULL << 30}}};

// Biggest first: parse_duration wants the parts of "1h30m" in this order.
constexpr std::array<Unit, 6> kTimeUnits{{{"h", 3'600'000'000'000},
                                          {"m", 60'000'000'000},
                                          {"s", 1'000'000'000},
                                          {"ms", 1'000'000},
                                          {"us", 1'000},
                                          {"ns", 1}}};

}  // namespace

bool parse_size(std::string_view text, Bytes& value, std::string& why) {
    Decimal number;
    if (const Cut cut = cut_decimal(text, number); cut != Cut::number) return explain(cut, why);
    std::uint64_t factor = 0;
    if (text.empty()) {
        if (number.scale != 1) {
            why = "is a fraction of a byte";
            return false;
        }
        factor = 1;
    }
    for (const Unit& unit : kSizeUnits) {
        if (text == unit.name) factor = unit.factor;
    }
    if (factor == 0) return false;
    std::uint64_t bytes = 0;
    if (!scaled(number, factor, bytes)) {
        why = "is too large";
        return false;
    }
    value.count = bytes;
    return true;
}

bool parse_duration(std::string_view text, Duration& value, std::string& why) {
    if (text == "0") {
        value = Duration::zero();
        return true;
    }
    const std::string_view whole_text = text;
    std::uint64_t total = 0;
    std::size_t next_unit = 0;
    do {
        Decimal number;
        if (const Cut cut = cut_decimal(text, number); cut != Cut::number) return explain(cut, why);
        const std::string_view letters = cut_letters(text);
        if (letters.empty()) {
            why = "has no unit: ";
            why.append(whole_text).append("s?");
            return false;
        }
        std::size_t unit = next_unit;
        while (unit < kTimeUnits.size() && kTimeUnits[unit].name != letters) ++unit;
        if (unit == kTimeUnits.size()) return false;
        next_unit = unit + 1;
        std::uint64_t part = 0;
        if (!scaled(number, kTimeUnits[unit].factor, part) || part > kMost - total) {
            why = "is too long";
            return false;
        }
        total += part;
    } while (!text.empty());
    value = Duration(static_cast<std::int64_t>(total));
    return true;
}

bool parse_cpus(std::string_view text, Cpus& value, std::string& why) {
    Decimal number;
    if (const Cut cut = cut_decimal(text, number); cut != Cut::number) return explain(cut, why);
    double cpus = static_cast<double>(number.whole) +
                  static_cast<double>(number.fraction) / static_cast<double>(number.scale);
    if (text == "m" && number.scale == 1) {
        cpus /= 1000;
    } else if (!text.empty()) {
        return false;
    }
    if (cpus <= 0 || cpus > kMostCpus) {
        why = "is out of range";
        return false;
    }
    value.count = cpus;
    return true;
}

bool parse_boolean(std::string_view text, bool& value, std::string&) {
    if (text == "true" || text == "1") return value = true, true;
    if (text == "false" || text == "0") return value = false, true;
    return false;
}

bool parse_whole(std::string_view text, std::int64_t least, std::int64_t most, std::int64_t& value,
                 std::string& why) {
    Decimal number;
    const Cut cut = cut_decimal(text, number);
    if (cut == Cut::too_large) why = "is out of range";
    if (cut != Cut::number || !text.empty() || number.scale != 1) return false;
    const std::int64_t parsed = static_cast<std::int64_t>(number.whole);
    if (parsed < least || parsed > most) {
        why = "is out of range";
        return false;
    }
    value = parsed;
    return true;
}

std::string format_size(Bytes value) {
    constexpr std::array<Unit, 6> kBest{{{"Gi", 1ULL << 30},
                                         {"Mi", 1ULL << 20},
                                         {"Ki", 1ULL << 10},
                                         {"G", 1'000'000'000},
                                         {"M", 1'000'000},
                                         {"k", 1'000}}};
    for (const Unit& unit : kBest) {
        if (value.count >= unit.factor && value.count % unit.factor == 0) {
            return std::to_string(value.count / unit.factor).append(unit.name);
        }
    }
    return std::to_string(value.count);
}

std::string format_duration(Duration value) {
    if (value == Duration::zero()) return "0";
    std::string text;
    std::uint64_t left = static_cast<std::uint64_t>(value.count());
    for (const Unit& unit : kTimeUnits) {
        if (left < unit.factor) continue;
        text.append(std::to_string(left / unit.factor)).append(unit.name);
        left %= unit.factor;
    }
    return text;
}

}  // namespace pilotfish::config
