// The danger: the child runs in our memory. It makes system calls only, through syscall(2) rather
// than libc's wrappers (sanitizers put their own code in those), writes nothing but its own stack,
// the report and the LISTEN_PID digits, and never returns. All signals are blocked in it until the
// last call before execve, when every handler has been replaced, so no handler of ours can run in
// it.
//
// SIGSTOP alone nobody can block, and whoever is of the child's new user may send it: the daemon
// would sleep with it (daemon/stop_guard.h). So all that needs no new identity comes before it, and
// what comes after is the least there can be: the directory, the death signal, the mask, execve.
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "daemon/child_calls.h"
#include "daemon/spawn_plan.h"

namespace pilotfish::daemon {

PF_IN_CHILD void give_up(Plan& plan, Stage stage, int error, const char* path) {
    plan.stage = stage;
    plan.error = error;
    plan.failed_path = path;
    for (;;) syscall(SYS_exit, 127);
}

namespace {

PF_IN_CHILD void write_pid(char* digits) {
    long pid = syscall(SYS_getpid);
    char reversed[20];
    int length = 0;
    do {
        reversed[length++] = static_cast<char>('0' + pid % 10);
        pid /= 10;
    } while (pid != 0);
    while (length > 0) *digits++ = reversed[--length];
    *digits = '\0';
}

PF_IN_CHILD void reset_signals(const SpawnRequest& request) {
    for (int signal = 1; signal < NSIG; ++signal) {
        KernelSigaction action;
        if (syscall(SYS_rt_sigaction, signal, nullptr, &action, kKernelSigsetBytes) != 0) continue;
        const bool ignored_at_start = signal == SIGPIPE   ? request.ignore_sigpipe
                                      : signal == SIGCHLD ? request.ignore_sigchld
                                                          : action.handler == SIG_IGN;
        void (*const wanted)(int) = ignored_at_start ? SIG_IGN : SIG_DFL;
        if (action.handler == wanted) continue;
        KernelSigaction replacement;
        replacement.handler = wanted;
        syscall(SYS_rt_sigaction, signal, &replacement, nullptr, kKernelSigsetBytes);
    }
}

// Puts source at target, without close-on-exec.
PF_IN_CHILD void place(Plan& plan, int source, int target) {
    if (syscall(SYS_dup3, source, target, 0) < 0) give_up(plan, Stage::descriptors, errno, nullptr);
}

// A copy above all targets, close-on-exec: place() may overwrite the original before its turn.
PF_IN_CHILD int lift(Plan& plan, int fd) {
    const int source = fd == kNullDevice ? plan.null_fd : fd;
    const long lifted = syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, plan.highest_target + 1);
    if (lifted < 0) give_up(plan, Stage::descriptors, errno, nullptr);
    return static_cast<int>(lifted);
}

PF_IN_CHILD void arrange_descriptors(Plan& plan) {
    const SpawnRequest& request = *plan.request;
    const std::size_t more = request.descriptors.size();
    // All are lifted before the first is placed.
    for (std::size_t at = 0; at < more; ++at)
        plan.lifted[at] = lift(plan, request.descriptors[at].source);
    const bool as_they_are =
        request.stdin_fd == 0 && request.stdout_fd == 1 && request.stderr_fd == 2;
    if (!as_they_are) {
        const int input = lift(plan, request.stdin_fd);
        const int output = lift(plan, request.stdout_fd);
        const int errors = lift(plan, request.stderr_fd);
        place(plan, input, 0);
        place(plan, output, 1);
        place(plan, errors, 2);
    }
    // Our own are all close-on-exec; what we inherited is not.
    if (!request.inherit_descriptors) {
        syscall(SYS_close_range, 3U, ~0U, static_cast<unsigned>(CLOSE_RANGE_CLOEXEC));
    }
    for (std::size_t at = 0; at < more; ++at)
        place(plan, plan.lifted[at], request.descriptors[at].target);
}

// Before anything that uses memory or makes a process, so that all of it counts there.
PF_IN_CHILD void enter_group(Plan& plan) {
    const cgroup::GroupDoors& doors = *plan.request->group;
    const auto enter = [&plan](const cgroup::GroupDoor& door) PF_IN_CHILD {
        if (syscall(SYS_write, door.procs.get(), "0", 1) < 0)
            give_up(plan, Stage::group, errno, door.path.c_str());
    };
    if (plan.enters_unified) enter(*doors.unified);
    for (const cgroup::GroupDoor& door : doors.v1) enter(door);
}

// While vfork's sharing lasts the kernel gives us a value of our own, not one with the parent
// (fs/proc/base.c, __set_oom_adj: vfork_done).
PF_IN_CHILD void set_oom_score(Plan& plan) {
    const long fd =
        syscall(SYS_openat, AT_FDCWD, "/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC, 0);
    if (fd < 0 || syscall(SYS_write, fd, plan.oom_score.data(), plan.oom_score.size()) < 0)
        give_up(plan, Stage::oom_score, errno, nullptr);
    syscall(SYS_close, fd);
}

PF_IN_CHILD void set_limits(Plan& plan) {
    for (std::size_t at = 0; at < plan.limits.size(); ++at) {
        const KernelLimit& limit = plan.limits[at];
        if (syscall(SYS_prlimit64, 0, limit.resource, &limit.value, nullptr) == 0) continue;
        plan.failed_limit = at;
        give_up(plan, Stage::resource_limit, errno, nullptr);
    }
}

}  // namespace

PF_IN_CHILD int spawned_child(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    const SpawnRequest& request = *plan.request;

    plan.began = true;
    plan.child->store(static_cast<pid_t>(syscall(SYS_getpid)), std::memory_order_relaxed);
    syscall(SYS_setpgid, 0, 0);
    if (request.group != nullptr) enter_group(plan);
    if (!plan.oom_score.empty()) set_oom_score(plan);
    if (request.foreground_tty) {
        // SIGTTOU is blocked here, so a background caller is not stopped by this. A terminal that
        // has hung up refuses, which is no reason not to start.
        const int group = static_cast<int>(syscall(SYS_getpid));
        syscall(SYS_ioctl, *request.foreground_tty, TIOCSPGRP, &group);
    }
    arrange_descriptors(plan);
    set_limits(plan);  // after the descriptors, which a low RLIMIT_NOFILE would forbid
    if (plan.listen_pid_digits != nullptr) write_pid(plan.listen_pid_digits);
    if (plan.own_pid_digits != nullptr) write_pid(plan.own_pid_digits);
    reset_signals(request);
    take_identity(plan);
    if (!request.directory.empty() && syscall(SYS_chdir, request.directory.c_str()) != 0) {
        give_up(plan, Stage::directory, errno, request.directory.c_str());
    }
    bind_life_to_daemon(plan);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &request.mask, nullptr, kKernelSigsetBytes);

    // As execvp does: go on along PATH past what is not there; remember a refusal over a miss.
    int refused = 0;
    const char* refused_path = nullptr;
    const char* last = nullptr;
    int error = ENOENT;
    for (const char* const* path = plan.candidates; *path != nullptr; ++path) {
        last = *path;
        syscall(SYS_execve, *path, plan.argv, plan.envp);
        error = errno;
        if (error == ENOEXEC) {
            const_cast<char**>(plan.shell_argv)[1] = const_cast<char*>(*path);
            syscall(SYS_execve, "/bin/sh", plan.shell_argv, plan.envp);
        }
        if (error == EACCES && refused == 0) {
            refused = error;
            refused_path = *path;
        }
        if (error != ENOENT && error != ENOTDIR && error != EACCES) break;
    }
    if (refused != 0 && (error == ENOENT || error == ENOTDIR)) {
        error = refused;
        last = refused_path;
    }
    give_up(plan, Stage::exec, error, last);
}

}  // namespace pilotfish::daemon
