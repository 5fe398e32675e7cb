// A start that failed, in words: what, to what, why, and what is missing.
#include <sys/stat.h>

#include <cerrno>

#include "daemon/spawn_plan.h"

namespace pilotfish::daemon {

SpawnError describe(const Plan& plan, const SpawnRequest& request) {
    const std::string& program = request.command.front();
    const std::string path = plan.failed_path != nullptr ? plan.failed_path : program;
    SpawnError failure;
    switch (plan.stage) {
        case Stage::directory:
            failure.error =
                core::system_error("start " + program + ": enter directory " + path, plan.error);
            return failure;
        case Stage::descriptors:
            failure.error =
                core::system_error("start " + program + ": set up its descriptors", plan.error);
            return failure;
        case Stage::group:
            failure.error =
                core::system_error("start " + program + ": enter its group " + path, plan.error);
            failure.of_group = true;
            return failure;
        case Stage::oom_score:
            failure.error = core::system_error(
                "start " + program + ": set OOM_SCORE_ADJ=" + plan.oom_score +
                    (plan.error == EACCES ? " (less than our own needs CAP_SYS_RESOURCE)" : ""),
                plan.error);
            return failure;
        case Stage::resource_limit:
            failure.error = core::system_error(
                "start " + program + ": set RLIMIT_" +
                    request.resource_limits[plan.failed_limit].name +
                    (plan.error == EPERM ? " (above our own hard limit, or of the whole machine: "
                                           "needs CAP_SYS_RESOURCE)"
                                         : ""),
                plan.error);
            return failure;
        case Stage::none:
        case Stage::exec: break;
    }
    const bool missing = plan.error == ENOENT || plan.error == ENOTDIR;
    failure.exit_code = missing ? 127 : 126;
    struct stat info{};
    const std::string found = find_program(program, request.environment);
    if (missing && program.find('/') == std::string::npos && found.empty()) {
        failure.error = {"cannot start " + program + ": no such program in PATH", plan.error};
    } else if (missing && !found.empty()) {
        // It is there, so ENOENT speaks of what its first line or its header asks for.
        failure.error = {"cannot start " + found +
                             ": its interpreter or dynamic loader is not in this image (a first "
                             "line that ends in "
                             "CR LF names one that is never there)",
                         plan.error};
    } else if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
        failure.error = {"cannot start " + path + ": it is a directory", plan.error};
    } else {
        failure.error = core::system_error("start " + path, plan.error);
    }
    return failure;
}

}  // namespace pilotfish::daemon
