// Spawning, and why it is done by hand.
//
// The child is made by clone(CLONE_VM | CLONE_VFORK | CLONE_PIDFD): no page table is copied (fork
// of a daemon with a large heap costs milliseconds), this thread sleeps until execve is done, and
// so
//  - failure needs no pipe: the child writes errno and stage into this thread's memory;
//  - when we return, the child has its process group, its signal state and its new image, so a
//    signal forwarded from now on cannot meet a half-made child (the race that tini -g, dumb-init
//    and catatonit lose: kill(-pgid) before setpgid gives ESRCH and the SIGTERM is gone);
//  - the pidfd names this child and no later user of its pid.
// Rejected: posix_spawn (no setpgid together with tcsetpgrp before exec, no CLOSE_RANGE, no pidfd,
// no stage in its errors); fork (slow, and copies locked locks); clone3 where no group is wanted
// (Docker's seccomp profile answers ENOSYS on older engines).
//
// A child that has a group of its own is never outside it while its program runs. On v2 it is born
// there, by clone3(CLONE_INTO_CGROUP); where that call is not to be had, and on v1, it writes
// itself into cgroup.procs, through descriptors opened before, first of all that it does. Rejected:
// moving it from outside, before or after its exec, for whatever it forked or allocated meanwhile
// stays.
//
// What the child does, and must not, is in spawn_child.cpp.
#include "daemon/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "daemon/clone_into_group.h"
#include "daemon/spawn_plan.h"
#include "daemon/stop_guard.h"

namespace pilotfish::daemon {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

// It never became the program: its remains are ours alone to take away.
void take_away(pid_t pid, int pidfd) {
    siginfo_t ignored;
    while (waitid(P_PID, static_cast<id_t>(pid), &ignored, WEXITED) != 0 && errno == EINTR) {
    }
    close(pidfd);
}

// SIGCHLD, so that wait sees it; the pidfd comes close-on-exec.
pid_t make_child(Plan& plan, char* stack, std::size_t stack_bytes, int& pidfd) {
    const cgroup::GroupDoors* const group = plan.request->group;
    if (group != nullptr && group->directory) {
        const pid_t pid = clone_into_group(spawned_child, &plan, stack, stack_bytes,
                                           group->directory.get(), pidfd);
        // What else forbids a birth inside may allow an entry, or is told with the group's name.
        if (pid >= 0 ? plan.began : errno == EAGAIN || errno == ENOMEM) return pid;
        if (pid >= 0) {
            // cgroup/child_group.cpp: killed by the kernel for a cgroup.kill long ago.
            take_away(pid, pidfd);
            group->kills_newborn->store(true);
        }
    }
    plan.enters_unified = group != nullptr && group->unified.has_value();
    return __clone(spawned_child, stack + stack_bytes,
                   CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
}

bool wants_null_device(const SpawnRequest& request) {
    const auto& more = request.descriptors;
    return request.stdin_fd == kNullDevice || request.stdout_fd == kNullDevice ||
           request.stderr_fd == kNullDevice ||
           std::any_of(more.begin(), more.end(),
                       [](const SpawnDescriptor& each) { return each.source == kNullDevice; });
}

std::string hint_at_pids(const SpawnRequest& request, int error) {
    if (error != EAGAIN || !request.pids_cap) return {};
    return " (PIDS=" + std::to_string(*request.pids_cap) + " may be used up)";
}

}  // namespace

SpawnResult spawn(const SpawnRequest& request) {
    PF_CHECK(!request.command.empty(), "spawn of an empty command");
    SpawnResult result;

    // Everything that allocates is done before the clone.
    std::vector<std::string> environment = request.environment;
    char* own_pid_digits = nullptr;
    if (!request.pid_variable.empty()) {
        const std::string variable = request.pid_variable + "=";
        std::erase_if(environment, [&](const auto& each) { return each.starts_with(variable); });
        environment.push_back(variable + "00000000000000000000");
        own_pid_digits = environment.back().data() + variable.size();
    }
    char* listen_pid_digits = nullptr;
    for (std::string& entry : environment) {
        // Socket activation speaks to the process it was meant for; that is the worker, not us.
        if (!entry.starts_with("LISTEN_PID=") || !request.inherit_descriptors) continue;
        if (entry.substr(11) != std::to_string(getpid())) continue;
        entry.assign("LISTEN_PID=00000000000000000000");
        listen_pid_digits = entry.data() + 11;
    }
    const std::vector<char*> argv = pointers(request.command);
    const std::vector<char*> envp = pointers(environment);
    const std::vector<std::string> paths = program_candidates(request.command.front(), environment);
    const std::vector<char*> candidates = pointers(paths);
    std::vector<char*> shell_argv = {const_cast<char*>("/bin/sh"), nullptr};
    shell_argv.insert(shell_argv.end(), argv.begin() + 1, argv.end());

    int null_fd = -1;
    if (wants_null_device(request)) {
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0) {
            result.error.error =
                core::system_error("start " + request.command.front() + ": open /dev/null", errno);
            return result;
        }
    }
    Plan plan{&request,          argv.data(),       envp.data(), candidates.data(),
              shell_argv.data(), listen_pid_digits, null_fd};
    plan.own_pid_digits = own_pid_digits;
    if (request.oom_score_adj) plan.oom_score = std::to_string(*request.oom_score_adj);
    for (const config::ResourceLimit& limit : request.resource_limits) {
        plan.limits.push_back(
            {limit.resource,
             {limit.soft.value_or(RLIM64_INFINITY), limit.hard.value_or(RLIM64_INFINITY)}});
    }
    for (const SpawnDescriptor& descriptor : request.descriptors) {
        PF_CHECK(descriptor.target > 2, "0, 1 and 2 have fields of their own");
        plan.highest_target = std::max(plan.highest_target, descriptor.target);
    }
    plan.lifted.resize(request.descriptors.size());

    plan.daemon = getpid();
    plan.user = geteuid();

    alignas(16) char stack[32 * 1024];
    SpawnedProcess process;
    // A thread that runs tasks has it open (core/native_stack.h).
    sigset_t urgent;
    sigset_t before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    const std::optional<uid_t> user = request.identity.credentials.user;
    std::optional<StopGuard> guard(std::in_place, user && *user != geteuid());
    plan.child = &guard->child();
    const bool was_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1;
    process.pid = make_child(plan, stack, sizeof stack, process.pidfd);
    const int clone_errno = errno;
    guard.reset();
    if (sigismember(&before, SIGURG) == 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
    // A change of the child's credentials took it from the memory we shared.
    if (was_dumpable && request.identity.takes_dumpable()) prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (null_fd >= 0) close(null_fd);
    if (process.pid < 0) {
        result.error.error =
            core::system_error("start " + request.command.front() + ": make a process" +
                                   hint_at_pids(request, clone_errno),
                               clone_errno);
        return result;
    }
    if (plan.stage != Stage::none) {
        take_away(process.pid, process.pidfd);
        result.error = describe(plan, request);
        return result;
    }
    result.process = process;
    return result;
}

}  // namespace pilotfish::daemon
