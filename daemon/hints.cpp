#include "daemon/hints.h"

#include "config/setting_table.h"
#include "daemon/container_limits.h"
#include "daemon/spawn.h"

namespace pilotfish::daemon {

namespace {

RightsizeProfile profile_of(config::Rightsize setting) {
    if (setting == config::Rightsize::none) return RightsizeProfile::none;
    return setting == config::Rightsize::all ? RightsizeProfile::all : RightsizeProfile::safe;
}

}  // namespace

Program worker_program(const config::WorkerSettings& worker,
                       const std::vector<std::string>& environment, const std::string& directory) {
    // `env` may ask about a worker whose command only its image knows.
    if (worker.command.empty()) return {};
    const std::string& program = worker.command.front();
    const std::string& base = worker.cwd.empty() ? directory : worker.cwd;
    const bool relative = program.find('/') != std::string::npos && program.front() != '/';
    return recognise(
        relative && !base.empty() ? base + "/" + program : find_program(program, environment),
        environment);
}

Rightsizing worker_hints(const config::Configuration& configuration,
                         const config::WorkerSettings& worker, const WorkerSurroundings& around) {
    RightsizeRequest request;
    request.profile = profile_of(configuration.settings.rightsize);
    if (worker.rightsize) {
        // Names alone are the safe set and those programs' flags, whatever the daemon's profile is.
        request.profile = profile_of(worker.rightsize->profile.value_or(config::Rightsize::safe));
        request.programs = worker.rightsize->programs;
    }
    Rightsizing nothing;
    if (!worker.plugin.empty()) {
        nothing.why_nothing = "it runs inside the daemon, which follows the limits";
        return nothing;
    }
    if (request.profile == RightsizeProfile::none) {
        nothing.why_nothing =
            worker.rightsize ? config::worker_variable_prefix(worker.name) + "RIGHTSIZE is none"
                             : "PILOTFISH_RIGHTSIZE is none";
        return nothing;
    }
    request.limits = &around.limits;
    request.policy = derive_policy(configuration.settings);
    request.memory_workers = std::max(1, static_cast<int>(configuration.workers.size()));
    if (const WorkerBudget* budget = around.budgets.find(worker.name)) {
        request.worker_cpus = budget->cpus;
        request.worker_memory_bytes = budget->memory_bytes;
        request.soft = budget->soft;
        request.whole = budget->whole;
    }
    request.own_group = around.own_group;
    request.environment = around.environment;
    request.program = worker_program(worker, around.environment, around.directory);
    return rightsize(request);
}

}  // namespace pilotfish::daemon
