// A user's text inside one of our sentences: quoted, on one line, of bounded length.
//
// Any thread, never blocks, never fails.
#pragma once

#include <string>
#include <string_view>

namespace pilotfish::config {

// "text" in double quotes; \ and " escaped, control characters as \xNN, everything else as it
// stands; what goes beyond 120 bytes is cut and its whole length said. 120: a line or two; chosen.
std::string in_quotes(std::string_view text);

}  // namespace pilotfish::config
