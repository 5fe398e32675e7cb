// A start that failed, in words: what, to what, why, and what is missing.
#include <sys/stat.h>

#include <cerrno>

#include "daemon/spawn_plan.h"

namespace pilotfish::daemon {

namespace {

// " as nobody (65534:65534)" where another user may be the reason.
std::string as_whom(const SpawnRequest& request) {
    const Credentials& credentials = request.identity.credentials;
    if (!credentials.user && !credentials.group) return {};
    return " as " + credentials.words;
}

// What could not be done, and what is missing for it.
core::Error identity_error(const Plan& plan, const SpawnRequest& request,
                           const std::string& program) {
    const Identity& identity = request.identity;
    const bool refused = plan.error == EPERM || plan.error == EACCES;
    const auto needs = [refused](const char* capability) {
        return refused ? " (needs " + std::string(capability) + ", which the daemon has not got)"
                       : std::string();
    };
    const auto unmapped = [&plan] {
        return plan.error == EINVAL ? std::string(" (this user namespace has no such number)")
                                    : std::string();
    };
    std::string what;
    switch (plan.stage) {
        case Stage::nice:
            what = "set NICE=" + std::to_string(identity.nice.value_or(0)) + needs("CAP_SYS_NICE");
            break;
        case Stage::io_priority: what = "set IO_PRIORITY" + needs("CAP_SYS_NICE"); break;
        case Stage::bounding_set:
            what = "take capabilities away for good by CAPABILITIES" +
                   (refused ? needs("CAP_SETPCAP") + "; NO_NEW_PRIVS=true does without"
                            : std::string());
            break;
        case Stage::groups:
        case Stage::group_id:
            what = "take the groups of " + identity.credentials.words + needs("CAP_SETGID") +
                   unmapped();
            break;
        case Stage::user_id:
            what = "become " + identity.credentials.words + needs("CAP_SETUID") + unmapped();
            break;
        case Stage::capabilities:
            what = "keep " + config::capability_words(identity.capabilities.value_or(0)) +
                   " by CAPABILITIES";
            break;
        case Stage::no_new_privs: what = "set NO_NEW_PRIVS"; break;
        default: what = "set PDEATHSIG"; break;
    }
    return core::system_error("start " + program + ": " + what, plan.error);
}

}  // namespace

SpawnError describe(const Plan& plan, const SpawnRequest& request) {
    const std::string& program = request.command.front();
    const std::string path = plan.failed_path != nullptr ? plan.failed_path : program;
    SpawnError failure;
    switch (plan.stage) {
        case Stage::directory:
            failure.error = core::system_error(
                "start " + program + ": enter directory " + path + as_whom(request), plan.error);
            return failure;
        case Stage::nice:
        case Stage::io_priority:
        case Stage::bounding_set:
        case Stage::groups:
        case Stage::group_id:
        case Stage::user_id:
        case Stage::capabilities:
        case Stage::no_new_privs:
        case Stage::death_signal:
            failure.error = identity_error(plan, request, program);
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
        failure.error = core::system_error("start " + path + as_whom(request), plan.error);
    }
    return failure;
}

}  // namespace pilotfish::daemon
