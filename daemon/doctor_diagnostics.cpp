// Which diagnostics work in this container. Everything about our own process always does: it needs
// nobody's leave. What looks into another process was tried (daemon/trial.h); the rules here only
// tell why it was refused, and which line of a manifest changes that.
#include <linux/capability.h>

#include <cerrno>
#include <system_error>

#include "daemon/doctor.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38  // Linux 5.8
#endif

namespace pilotfish::daemon {
namespace {

using http::Finding;
using http::Verdict;

std::string words_of(int error) { return std::generic_category().message(error); }

Finding diagnostic(std::string item, std::string what) {
    return {"diagnostics", std::move(item), Verdict::ok, std::move(what), {}};
}

Finding missing(std::string item, std::string what, std::string mend) {
    return {"diagnostics", std::move(item), Verdict::warning, std::move(what), std::move(mend)};
}

// Why a child of ours may not be traced, and what to do.
Finding stacks_of_workers(const ContainerFacts& facts) {
    const char* const item = "stacks of workers";
    const int error = facts.trials.trace != 0 ? facts.trials.trace : facts.trials.read_memory;
    if (error == 0) return diagnostic(item, "by ptrace, of every worker of the same user");
    const std::string refused = "ptrace is refused (" + words_of(error) + ")";
    if (facts.yama_scope.value_or(0) >= 3)
        return missing(item, refused + ": kernel.yama.ptrace_scope is 3 on this node",
                       "set kernel.yama.ptrace_scope=1 on the node and reboot it");
    if (facts.yama_scope.value_or(0) == 2)
        return missing(item, refused + ": kernel.yama.ptrace_scope is 2 on this node",
                       "securityContext: {capabilities: {add: [SYS_PTRACE]}}");
    if (facts.is_filtered)
        return missing(item, refused + " by the container's seccomp profile",
                       "securityContext: {seccompProfile: {type: RuntimeDefault}} of a node with "
                       "Linux 4.8 or later, or capabilities: {add: [SYS_PTRACE]}");
    return missing(item, refused, "securityContext: {capabilities: {add: [SYS_PTRACE]}}");
}

// A worker that runs as somebody else, or a process beside us in the pod.
Finding stacks_of_others(const ContainerFacts& facts) {
    const char* const item = "stacks of others";
    const bool may = has_capability(facts, CAP_SYS_PTRACE);
    if (may) return diagnostic(item, "of other users and of other containers of the pod, too");
    return missing(item,
                   "workers of another user, and processes of other containers in the pod, "
                   "are not ours to look into",
                   "securityContext: {capabilities: {add: [SYS_PTRACE]}}, and for the pod "
                   "shareProcessNamespace: true");
}

Finding profiles_of_workers(const ContainerFacts& facts) {
    const char* const item = "profiles of workers";
    if (facts.trials.perf == 0) return diagnostic(item, "by perf, without stopping the worker");
    const std::string refused = "perf is refused (" + words_of(facts.trials.perf) + ")";
    const bool fallback = facts.trials.trace == 0 && facts.trials.read_memory == 0;
    const std::string then =
        fallback ? "; by ptrace instead, which stops the worker for about 0.1 ms a sample"
                 : "; and so is ptrace";
    std::string mend = "securityContext: {capabilities: {add: [PERFMON]}}";
    if (facts.is_filtered) mend += ", which RuntimeDefault's seccomp goes by";
    if (facts.perf_paranoid.value_or(0) > 2)
        mend += "; or kernel.perf_event_paranoid=2 on the node, where it is " +
                std::to_string(*facts.perf_paranoid);
    return missing(item, refused + then, mend);
}

}  // namespace

std::vector<Finding> diagnostics_here(const ContainerFacts& facts) {
    std::vector<Finding> all;
    all.push_back(diagnostic("tasks and stacks of the daemon", "always"));
    if (facts.trials.make_process != 0) {
        all.push_back(missing(
            "diagnostics of workers",
            "no process can be made to try them on (" + words_of(facts.trials.make_process) + ")",
            "raise the limit of processes: docker run --pids-limit"));
        return all;
    }
    all.push_back(stacks_of_workers(facts));
    all.push_back(stacks_of_others(facts));
    all.push_back(profiles_of_workers(facts));
    return all;
}

}  // namespace pilotfish::daemon
