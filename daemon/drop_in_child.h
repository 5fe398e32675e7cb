// The one child of a drop-in init, made so that it is in its group or session, and either runs its
// program or has failed, before the parent goes on: a signal that is forwarded from then on cannot
// meet a half-made child.
//
// One thread, with all signals blocked that it will forward. Blocks until the child's exec
// succeeded or failed (vfork's rule). Fails: pid -1 with errno in error when there is no process;
// where its exec failed the child is there and has ended with the exit code asked for.
#pragma once

#include <sys/types.h>

#include <csignal>
#include <vector>

namespace pilotfish::daemon {

struct DropInChildPlan {
    char* const* command = nullptr;  // argv
    bool own_session = false;        // setsid, and the terminal of descriptor 0 made its own
    bool own_group = false;          // setpgid, and the foreground of that terminal
    bool all_signals_default = false;
    std::vector<int> signals_default;               // which we ignore, and the program shall not
    bool sigchld_ignored = false;                   // which we do not ignore, and the program shall
    sigset_t mask{};                                // blocked set of the program
    int (*exit_code_of)(int exec_errno) = nullptr;  // runs in the child: no allocation
};

struct DropInChild {
    pid_t pid = -1;
    int error = 0;           // errno of the fork, or of the exec that failed; 0: it runs
    int terminal_error = 0;  // errno of taking the terminal; 0: done, or not wanted
};

DropInChild start_drop_in_child(const DropInChildPlan& plan);

}  // namespace pilotfish::daemon
