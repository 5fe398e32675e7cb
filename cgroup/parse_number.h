// Numbers as cgroup files write them: decimal digits and nothing else.
//
// Any thread; nothing is owned, nothing blocks. Fails: nullopt for an empty text, a sign, any other
// character, or a value that does not fit.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pilotfish::cgroup {

inline std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlank = " \t\r\n";
    const std::size_t first = text.find_first_not_of(kBlank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

template <class Number = std::uint64_t>
std::optional<Number> parse_number(std::string_view text) {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// The value of "key value" in the lines of text, as in memory.stat and memory.events.
std::optional<std::uint64_t> find_value(std::string_view text, std::string_view key);

}  // namespace pilotfish::cgroup
