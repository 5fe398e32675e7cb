#include "daemon/hints.h"

#include <algorithm>

#include "daemon/container_limits.h"
#include "daemon/spawn.h"

namespace pilotfish::daemon {

std::vector<Hint> worker_hints(const config::Configuration& configuration,
                               const config::WorkerSettings& worker,
                               const std::vector<std::string>& environment,
                               const core::Limits& limits, const std::string& directory) {
    if (configuration.settings.rightsize == config::Rightsize::none) return {};
    // A hosted task has our environment and follows the limits with us.
    if (!worker.plugin.empty()) return {};
    RightsizeRequest request;
    request.profile = RightsizeProfile::safe;
    request.limits = &limits;
    request.policy = derive_policy(configuration.settings);
    request.memory_workers = std::max(1, static_cast<int>(configuration.workers.size()));
    request.environment = environment;
    // `env` may ask about a worker whose command only its image knows.
    if (!worker.command.empty()) {
        const std::string& program = worker.command.front();
        const std::string& base = worker.cwd.empty() ? directory : worker.cwd;
        const bool relative = program.find('/') != std::string::npos && program.front() != '/';
        request.go = go_version_of(relative && !base.empty() ? base + "/" + program
                                                             : find_program(program, environment));
    }
    return rightsize(request);
}

}  // namespace pilotfish::daemon
