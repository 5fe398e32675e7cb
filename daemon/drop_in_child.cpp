// clone(CLONE_VM | CLONE_VFORK), as in daemon/spawn.cpp and for its reasons. Not that function:
// these inits promise less (no pidfd, no group, no descriptors moved) and other things (a session),
// and a start that reads nothing and allocates next to nothing. The child makes system calls by
// syscall(2) and calls execvp, which in glibc and musl allocates on the stack alone.
#include "daemon/drop_in_child.h"

#include <sched.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdint>
#include <memory>

#include "daemon/child_calls.h"

namespace pilotfish::daemon {
namespace {

struct Shared {
    const DropInChildPlan* plan;
    const int* signals_default;
    std::size_t signal_count;
    DropInChild report;
};

PF_IN_CHILD void set_action(int signal, void (*handler)(int)) {
    KernelSigaction action;
    action.handler = handler;
    syscall(SYS_rt_sigaction, signal, &action, nullptr, kKernelSigsetBytes);
}

PF_IN_CHILD int child_main(void* argument) {
    Shared& shared = *static_cast<Shared*>(argument);
    const DropInChildPlan& plan = *shared.plan;
    if (plan.own_session) {
        // Cannot fail in a child that was just made: it leads no group.
        syscall(SYS_setsid);
        if (syscall(SYS_ioctl, STDIN_FILENO, TIOCSCTTY, 0) != 0)
            shared.report.terminal_error = errno;
    }
    if (plan.own_group) {
        syscall(SYS_setpgid, 0, 0);
        const int group = static_cast<int>(syscall(SYS_getpid));
        // SIGTTOU is ignored or blocked here, so asking does not stop us.
        if (syscall(SYS_ioctl, STDIN_FILENO, TIOCSPGRP, &group) != 0)
            shared.report.terminal_error = errno;
    }
    if (plan.all_signals_default) {
        for (int signal = 1; signal < NSIG; ++signal) set_action(signal, SIG_DFL);
    }
    for (std::size_t at = 0; at < shared.signal_count; ++at)
        set_action(shared.signals_default[at], SIG_DFL);
    if (plan.sigchld_ignored) set_action(SIGCHLD, SIG_IGN);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &plan.mask, nullptr, kKernelSigsetBytes);
    execvp(plan.command[0], plan.command);
    shared.report.error = errno;
    const int code = plan.exit_code_of(shared.report.error);
    for (;;) syscall(SYS_exit, code);
}

}  // namespace

DropInChild start_drop_in_child(const DropInChildPlan& plan) {
    std::size_t arguments = 0;
    while (plan.command[arguments] != nullptr) ++arguments;
    // execvp puts a path on the stack, and for a script without "#!" a whole argv.
    const std::size_t stack_bytes =
        (64 * 1024 + PATH_MAX + (arguments + 2) * sizeof(char*)) / 64 * 64;
    const std::unique_ptr<char[]> stack(new char[stack_bytes + 64]);
    char* const top = stack.get() + stack_bytes;
    Shared shared{&plan, plan.signals_default.data(), plan.signals_default.size(), {}};
    const auto address = reinterpret_cast<std::uintptr_t>(top);
    const pid_t pid =
        __clone(child_main, top - address % 64, CLONE_VM | CLONE_VFORK | SIGCHLD, &shared);
    if (pid < 0) shared.report.error = errno;
    shared.report.pid = pid;
    return shared.report;
}

}  // namespace pilotfish::daemon
