// The file of LOG=file:PATH: what it may be called, and what it is for a worker.
//
// Any thread; plain functions; never block or fail.
#pragma once

#include <string>
#include <string_view>

#include "config/settings.h"

namespace pilotfish::config {

// In a path it stands for the number of the instance, "2" for web@2, or 1.
inline constexpr std::string_view kInstanceMark = "{instance}";

// Why it cannot be a log's file, as half a sentence; "" when it can. A file below /dev or /proc is
// refused: to open /dev/stdout anew is another thing than to write to it. It fails for whoever is
// not root, and it truncates or tears what others write.
std::string_view objection_to_log_path(std::string_view path);

// The worker's own file: marks are replaced. Requires: log is WorkerLog::file.
std::string log_path(const WorkerSettings& worker);

// True when both would be written to, also by a rotation of one: a and a.1.
bool log_paths_collide(std::string_view one, std::string_view other);

}  // namespace pilotfish::config
