// So many of a thing in so long a time: "5/1m", or no limit at all.
//
// Any thread; plain values; never blocks. Fails by false with half a sentence in `why`, as in
// config/quantity.h; the value is then as it was.
#pragma once

#include <string>
#include <string_view>

#include "config/quantity.h"

namespace pilotfish::config {

struct RateLimit {
    int most = 0;  // in any window; 0: off
    Duration window{};
    bool is_off() const { return most == 0; }
    bool operator==(const RateLimit&) const = default;
};

// A count from 1 to 10000, "/", a duration above 0; or "off".
bool parse_rate_limit(std::string_view text, RateLimit& value, std::string& why);
std::string format_rate_limit(const RateLimit& value);

}  // namespace pilotfish::config
