// The standard library's matcher of std::regex walks depth first: exponential for nested repeats,
// and as deep on the stack as the line is long. Its other one, which libstdc++ has behind the flag
// __polynomial, keeps the set of states it could be in (Thompson, "Regular Expression Search
// Algorithm", 1968). It goes as deep as the pattern has states in a row, so those are bounded.
#include "config/line_pattern.h"

#include <regex>

#include "config/quantity.h"

namespace pilotfish::config {
namespace {

// "{20}", "{2,30}", "{5,}": the largest number of each, multiplied, as repeats may be nested.
bool repeats_too_often(std::string_view text) {
    std::int64_t product = 1;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\\') {
            ++at;
            continue;
        }
        if (text[at] != '{') continue;
        std::int64_t largest = 1;
        std::int64_t number = 0;
        for (++at; at < text.size() && text[at] != '}'; ++at) {
            const bool digit = text[at] >= '0' && text[at] <= '9';
            number = digit ? number * 10 + (text[at] - '0') : 0;
            if (number > LinePattern::kMostRepeats) return true;
            largest = std::max(largest, number);
        }
        product *= largest;
        if (product > LinePattern::kMostRepeats) return true;
    }
    return false;
}

}  // namespace

struct LinePattern::Compiled {
    std::regex regex;
};

bool LinePattern::parse(std::string_view text, LinePattern& pattern, std::string& why) {
    if (text.empty()) return why = "has an empty pattern, which every line has", false;
    if (text.size() > kMostPatternBytes) {
        why = "is a pattern of more than " + std::to_string(kMostPatternBytes) + " bytes";
        return false;
    }
    if (repeats_too_often(text)) {
        why = "repeats more than " + std::to_string(kMostRepeats) + " times";
        return false;
    }
    try {
        auto compiled = std::make_shared<Compiled>();
        // Whole, so that its own faults are told and cannot be mended by what stands around it.
        constexpr auto kFlags = std::regex::ECMAScript | std::regex::nosubs | std::regex::optimize |
                                std::regex_constants::__polynomial;
        const std::string own(text);
        compiled->regex.assign(own, kFlags);
        // A search would begin anew at each byte; this goes through the line once.
        compiled->regex.assign("[^]*(?:" + own + ")[^]*", kFlags);
        pattern.compiled_ = std::move(compiled);
        return true;
    } catch (const std::regex_error& error) {
        const auto code = error.code();
        why = code == std::regex_constants::error_complexity ||
                      code == std::regex_constants::error_backref
                  ? "refers back (\\1), which could take for ever, or is too large"
                  : std::string("is no regular expression: ") + error.what();
        return false;
    }
}

bool LinePattern::found_in(std::string_view line) const {
    if (!compiled_) return false;
    line = line.substr(0, kMostLineBytes);
    return std::regex_match(line.begin(), line.end(), compiled_->regex);
}

}  // namespace pilotfish::config
