// The table of `pilotfish status`: columns as wide as what is in them, for people.
//
// Any thread; pure. Never blocks, never fails. Widths are counted in characters of UTF-8.
#pragma once

#include <string>
#include <vector>

#include "http/sources.h"

namespace pilotfish::daemon {

std::string status_table(const std::vector<http::WorkerView>& workers, bool colour);

// "12 s", "5 m 3 s", "3 h 20 m", "2 d 4 h": the two units that matter.
std::string short_time(double seconds);
// "734 B", "12.5 MiB".
std::string short_size(std::uint64_t bytes);

}  // namespace pilotfish::daemon
