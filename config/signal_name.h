// Signals by name: TERM, SIGTERM, 15, RTMIN+3, RTMAX-1, as this machine's libc numbers them.
//
// Any thread, never blocks. Parsing fails by false with half a sentence in `why`, as in
// config/quantity.h.
#pragma once

#include <string>
#include <string_view>

namespace pilotfish::config {

struct Signal {
    int number = 0;  // 1 to 64
    bool operator==(const Signal&) const = default;
};

bool parse_signal(std::string_view text, Signal& value, std::string& why);

// "SIGTERM", "SIGRTMIN+3"; a number without a name (32, 33: the C library's own) as digits.
std::string format_signal(Signal value);

}  // namespace pilotfish::config
