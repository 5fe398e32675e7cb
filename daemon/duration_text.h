// A length of time as people say it.
//
// Any thread; pure. Never fails.
#pragma once

#include <chrono>
#include <string>

namespace pilotfish::daemon {

// "340 ms", "1.2 s", "3 min 20 s", "2 h 5 min".
std::string duration_text(std::chrono::nanoseconds duration);

}  // namespace pilotfish::daemon
