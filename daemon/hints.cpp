#include "daemon/hints.h"

#include <algorithm>

#include "daemon/container_limits.h"
#include "daemon/spawn.h"

namespace pilotfish::daemon {

std::vector<Hint> worker_hints(const config::Configuration& configuration,
                               const config::WorkerSettings& worker,
                               const std::vector<std::string>& environment,
                               const core::Limits& limits) {
    if (configuration.settings.rightsize == config::Rightsize::none) return {};
    RightsizeRequest request;
    request.profile = RightsizeProfile::safe;
    request.limits = &limits;
    request.policy = derive_policy(configuration.settings);
    request.memory_workers = std::max(1, static_cast<int>(configuration.workers.size()));
    request.environment = environment;
    // `env` and `check` may ask about a worker whose command only its image knows.
    if (!worker.command.empty()) {
        std::string program = find_program(worker.command.front(), environment);
        if (!program.starts_with('/') && !worker.cwd.empty()) program = worker.cwd + "/" + program;
        request.go = go_version_of(program);
    }
    return rightsize(request);
}

}  // namespace pilotfish::daemon
