// A worker's health as the admin plane shows it.
//
// Any thread; plain functions; block for the board's short lock; never fail.
#pragma once

#include <string>

#include "daemon/health_board.h"
#include "http/sources.h"

namespace pilotfish::daemon {

// One line: what is wrong, or what it says of itself; "" when there is nothing to tell.
std::string health_words(const HealthBoard& board);

void fill_health(http::WorkerView& view, const HealthBoard& board);

}  // namespace pilotfish::daemon
