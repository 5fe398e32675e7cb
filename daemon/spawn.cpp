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
// The danger: the child runs in our memory. It makes system calls only, through syscall(2) rather
// than libc's wrappers (sanitizers put their own code in those), writes nothing but its own stack,
// the report and the LISTEN_PID digits, and never returns. All signals are blocked in it until the
// last call before execve, when every handler has been replaced, so no handler of ours can run in
// it.
#include "daemon/spawn.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "daemon/clone_into_group.h"

// ThreadSanitizer puts its own code around clone() and runs it in the child, in our memory. The
// same function under its other name is left alone.
extern "C" int __clone(int (*start)(void*), void* stack, int flags, void* argument, ...);

namespace pilotfish::daemon {
namespace {

#define PF_IN_CHILD __attribute__((no_sanitize("address", "thread", "undefined"), noinline))

// Linux's own layout of rt_sigaction's argument, for SIG_DFL and SIG_IGN only.
struct KernelSigaction {
    void (*handler)(int) = SIG_DFL;
    unsigned long flags = 0;
    void (*restorer)() = nullptr;
    unsigned long mask = 0;
};
constexpr std::size_t kKernelSigsetBytes = 8;

enum class Stage : int { none, group, oom_score, descriptors, directory, resource_limit, exec };

struct KernelLimit {
    int resource;
    rlimit64 value;
};

struct Plan {
    const SpawnRequest* request;
    char* const* argv;
    char* const* envp;
    const char* const* candidates;  // paths to try, null-terminated
    char* const* shell_argv;        // argv behind "/bin/sh PATH" for a script without "#!"
    char* listen_pid_digits;        // where our pid is to be written, or null
    int null_fd;
    bool enters_unified = false;  // by itself, not by clone3
    std::string oom_score = {};   // as it is written
    std::vector<KernelLimit> limits = {};
    // The child's report.
    bool began = false;  // false for good: it was killed at its birth
    Stage stage = Stage::none;
    int error = 0;
    const char* failed_path = nullptr;
    std::size_t failed_limit = 0;
};

[[noreturn]] PF_IN_CHILD void give_up(Plan& plan, Stage stage, int error, const char* path) {
    plan.stage = stage;
    plan.error = error;
    plan.failed_path = path;
    for (;;) syscall(SYS_exit, 127);
}

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

// Puts source at target (0, 1 or 2), without close-on-exec.
PF_IN_CHILD void place(Plan& plan, int source, int target) {
    if (syscall(SYS_dup3, source, target, 0) < 0) give_up(plan, Stage::descriptors, errno, nullptr);
}

// A copy above 2, close-on-exec: place() may overwrite the original before its turn.
PF_IN_CHILD int lift(Plan& plan, int fd) {
    const int source = fd == kNullDevice ? plan.null_fd : fd;
    const long lifted = syscall(SYS_fcntl, source, F_DUPFD_CLOEXEC, 3);
    if (lifted < 0) give_up(plan, Stage::descriptors, errno, nullptr);
    return static_cast<int>(lifted);
}

PF_IN_CHILD void arrange_descriptors(Plan& plan) {
    const SpawnRequest& request = *plan.request;
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

PF_IN_CHILD int child_main(void* argument) {
    Plan& plan = *static_cast<Plan*>(argument);
    const SpawnRequest& request = *plan.request;

    plan.began = true;
    syscall(SYS_setpgid, 0, 0);
    if (request.group != nullptr) enter_group(plan);
    if (!plan.oom_score.empty()) set_oom_score(plan);
    if (request.foreground_tty) {
        // SIGTTOU is blocked here, so a background caller is not stopped by this. A terminal that
        // has hung up refuses, which is no reason not to start.
        const int group = static_cast<int>(syscall(SYS_getpid));
        syscall(SYS_ioctl, *request.foreground_tty, TIOCSPGRP, &group);
    }
    if (!request.directory.empty() && syscall(SYS_chdir, request.directory.c_str()) != 0) {
        give_up(plan, Stage::directory, errno, request.directory.c_str());
    }
    arrange_descriptors(plan);
    set_limits(plan);  // after the descriptors, which a low RLIMIT_NOFILE would forbid
    if (plan.listen_pid_digits != nullptr) write_pid(plan.listen_pid_digits);
    reset_signals(request);
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

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    result.reserve(strings.size() + 1);
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

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
        const pid_t pid =
            clone_into_group(child_main, &plan, stack, stack_bytes, group->directory.get(), pidfd);
        // What else forbids a birth inside may allow an entry, or is told with the group's name.
        if (pid >= 0 ? plan.began : errno == EAGAIN || errno == ENOMEM) return pid;
        if (pid >= 0) {
            // cgroup/child_group.cpp: killed by the kernel for a cgroup.kill long ago.
            take_away(pid, pidfd);
            group->kills_newborn->store(true);
        }
    }
    plan.enters_unified = group != nullptr && group->unified.has_value();
    return __clone(child_main, stack + stack_bytes, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                   &plan, &pidfd);
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
    if (request.stdin_fd == kNullDevice || request.stdout_fd == kNullDevice ||
        request.stderr_fd == kNullDevice) {
        null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        if (null_fd < 0) {
            result.error.error =
                core::system_error("start " + request.command.front() + ": open /dev/null", errno);
            return result;
        }
    }
    Plan plan{&request,          argv.data(),       envp.data(), candidates.data(),
              shell_argv.data(), listen_pid_digits, null_fd};
    if (request.oom_score_adj) plan.oom_score = std::to_string(*request.oom_score_adj);
    for (const config::ResourceLimit& limit : request.resource_limits) {
        plan.limits.push_back(
            {limit.resource,
             {limit.soft.value_or(RLIM64_INFINITY), limit.hard.value_or(RLIM64_INFINITY)}});
    }

    alignas(16) char stack[32 * 1024];
    SpawnedProcess process;
    // A thread that runs tasks has it open (core/native_stack.h).
    sigset_t urgent;
    sigset_t before;
    sigemptyset(&urgent);
    sigaddset(&urgent, SIGURG);
    pthread_sigmask(SIG_BLOCK, &urgent, &before);
    process.pid = make_child(plan, stack, sizeof stack, process.pidfd);
    const int clone_errno = errno;
    if (sigismember(&before, SIGURG) == 0) pthread_sigmask(SIG_SETMASK, &before, nullptr);
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
