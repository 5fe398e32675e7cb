#include "daemon/trial.h"

#include <linux/perf_event.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace pilotfish::daemon {
namespace {

int result_of(long returned) { return returned < 0 ? errno : 0; }

// A copy of this process that only waits. Without a signal for its end it is not among those that a
// plain wait(2) collects.
pid_t make_idle_child() {
    const long pid = syscall(SYS_clone, 0UL, nullptr, nullptr, nullptr, nullptr);
    if (pid != 0) return static_cast<pid_t>(pid);
    // Of a process with many threads: nothing here but system calls.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ppoll(nullptr, 0, nullptr, nullptr);
}

int try_perf(pid_t pid) {
    perf_event_attr wanted{};
    wanted.size = sizeof wanted;
    wanted.type = PERF_TYPE_SOFTWARE;
    wanted.config = PERF_COUNT_SW_CPU_CLOCK;
    wanted.exclude_kernel = 1;
    wanted.disabled = 1;
    const long fd = syscall(SYS_perf_event_open, &wanted, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
    const int error = result_of(fd);
    if (fd >= 0) close(static_cast<int>(fd));
    return error;
}

int try_read_memory(pid_t pid) {
    static char ours = 'x';  // at the same address there
    char copy = 0;
    const iovec here{&copy, 1};
    const iovec there{&ours, 1};
    return result_of(process_vm_readv(pid, &here, 1, &there, 1, 0));
}

}  // namespace

Trials try_on_a_child() {
    Trials trials;
    const pid_t child = make_idle_child();
    if (child < 0) {
        trials.make_process = errno;
        return trials;
    }
    trials.perf = try_perf(child);
    trials.read_memory = try_read_memory(child);
    trials.trace = result_of(ptrace(PTRACE_SEIZE, child, nullptr, nullptr));
    kill(child, SIGKILL);
    // Once traced it may be collected by a reaper, too: then there is nothing left to wait for.
    while (waitpid(child, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    return trials;
}

}  // namespace pilotfish::daemon
