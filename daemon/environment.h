// The environment a worker is started with, before the hints.
//
// Any thread, as long as nobody changes environ (nobody in pilotfish does). Never blocks or fails.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.h"
#include "daemon/identity.h"

namespace pilotfish::daemon {

// Names that begin so are the daemon's to read and to give.
inline constexpr std::string_view kOwnPrefix = "PILOTFISH_";

// The daemon's own environment without PILOTFISH_*, then the worker's ENV_<VAR> over it, then
// PILOTFISH_WORKER (as declared) and PILOTFISH_INSTANCE (from 1 on). Each name once; for a name
// given twice the first stands, as getenv(3) would answer. own: of the user it runs as and of its
// files (daemon/identity.h), under the ENV_ ones.
std::vector<std::string> worker_environment(const config::WorkerSettings& settings,
                                            const OwnVariables& own = {});

// The value of a variable in such a list; nullptr: not set.
const char* find_variable(const std::vector<std::string>& environment, std::string_view name);

// Sets a variable in such a list, in place of the value it may have there.
void put_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value);

}  // namespace pilotfish::daemon
