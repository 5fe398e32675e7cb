#include "daemon/drop_in_tini.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

#include "daemon/drop_in_child.h"
#include "daemon/drop_in_message.h"
#include "daemon/tini_options.h"

namespace pilotfish::daemon {
namespace {

constexpr const char* kVersion = "tini version 0.19.0";

constexpr const char* kHelp = R"(%s (%s, as pilotfish %s does it)
Usage: %s [OPTIONS] PROGRAM -- [ARGS] | --version

Runs PROGRAM as the one child of an init: hands on signals, reaps zombies, ends with its exit code.

  --version     what this is
  -h            this text
  -s            adopt orphans when not PID 1 (subreaper)
  -p SIGNAL     receive SIGNAL when our own parent dies: -p SIGKILL
  -v            say more; up to three times
  -w            say when a zombie was reaped that is not PROGRAM
  -g            signals go to PROGRAM's whole process group
  -e EXIT_CODE  this exit code of PROGRAM (0 to 255) becomes 0; may be repeated
  -l            the license

Variables: TINI_SUBREAPER (as -s), TINI_KILL_PROCESS_GROUP (as -g), TINI_VERBOSITY (a number, 1 by
default). Under its own name pilotfish does more: `pilotfish help`.
)";

constexpr const char* kLicense =
    "pilotfish is under the Apache License, Version 2.0: "
    "https://www.apache.org/licenses/LICENSE-2.0\n";

int exec_failure_code(int error) {
    if (error == ENOENT) return 127;
    return error == EACCES ? 126 : 1;
}

class Tini {
  public:
    explicit Tini(const TiniOptions& options) : options_(options) {}

    int run() {
        take_signals();
        if (options_.parent_death_signal != 0 &&
            prctl(PR_SET_PDEATHSIG, options_.parent_death_signal) != 0)
            return fatal("Failed to set up parent death signal", errno);
        if (options_.subreaper) {
            if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
                return fatal("Failed to register as child subreaper", errno);
            say(3, "TRACE", "Registered as child subreaper");
        } else {
            warn_of_zombies();
        }
        const int fork_error = start();
        if (fork_error != 0) return fatal("fork failed", fork_error);
        while (!reap()) pass_on_next_signal();
        say(3, "TRACE", "Exiting: child has exited");
        return exit_code_;
    }

  private:
    // What the processor raises still ends us, and is nobody's to hand on.
    void take_signals() {
        sigfillset(&waited_for_);
        for (const int signal :
             {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU})
            sigdelset(&waited_for_, signal);
        sigprocmask(SIG_SETMASK, &waited_for_, &plan_.mask);
        // The terminal is the child's: neither a line of ours nor handing it over may stop us.
        change(SIGTTIN, SIG_IGN);
        change(SIGTTOU, SIG_IGN);
        // Ignored by whoever started us, every child's exit status would vanish.
        struct sigaction standard{};
        struct sigaction inherited{};
        sigaction(SIGCHLD, &standard, &inherited);
        plan_.sigchld_ignored = inherited.sa_handler == SIG_IGN;
    }

    void change(int signal, void (*to)(int)) {
        struct sigaction action{};
        struct sigaction inherited{};
        action.sa_handler = to;
        sigaction(signal, &action, &inherited);
        if (inherited.sa_handler == SIG_DFL) plan_.signals_default.push_back(signal);
    }

    void warn_of_zombies() {
        int adopts = 0;
        if (getpid() == 1 || (prctl(PR_GET_CHILD_SUBREAPER, &adopts) == 0 && adopts == 1)) return;
        say(0, "WARN ",
            "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
            "Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n"
            "To fix the problem, use the -s option or set the environment variable "
            "TINI_SUBREAPER to register Tini as a child subreaper, or run Tini as PID 1.");
    }

    // errno of a fork that failed; 0: there is a child.
    int start() {
        plan_.command = options_.command;
        plan_.own_group = true;
        plan_.exit_code_of = exec_failure_code;
        const DropInChild child = start_drop_in_child(plan_);
        if (child.pid < 0) return child.error;
        child_ = child.pid;
        say(1, "INFO ", "Spawned child process '%s' with pid '%i'", options_.command[0], child_);
        if (child.error != 0) {
            drop_in_message(STDERR_FILENO, "[FATAL tini (%i)] exec %s failed: %s\n", child_,
                            options_.command[0], std::strerror(child.error));
        } else {
            // Whoever reads the other end would wait for us as well.
            syscall(SYS_close_range, 3U, ~0U, 0U);
        }
        return 0;
    }

    void pass_on_next_signal() {
        siginfo_t info{};
        const int signal = sigwaitinfo(&waited_for_, &info);
        if (signal < 0) return;
        if (signal == SIGCHLD) {
            say(2, "DEBUG", "Received SIGCHLD");
            return;
        }
        say(2, "DEBUG", "Passing signal: '%s'", strsignal(signal));
        const bool with_value = info.si_code == SI_QUEUE && !options_.kill_process_group;
        const int failed = with_value
                               ? sigqueue(child_, signal, info.si_value)
                               : kill(options_.kill_process_group ? -child_ : child_, signal);
        if (failed != 0 && errno == ESRCH) say(0, "WARN ", "Child was dead when forwarding signal");
    }

    // True once the child itself is gone.
    bool reap() {
        bool over = false;
        for (;;) {
            int status = 0;
            const pid_t pid = waitpid(-1, &status, WNOHANG);
            if (pid <= 0) {
                say(3, "TRACE", pid == 0 ? "No child to reap" : "No child to wait");
                return over;
            }
            say(2, "DEBUG", "Reaped child with pid: '%i'", pid);
            if (pid == child_) {
                note_end(status);
                over = true;
            } else if (options_.warn_on_reap) {
                say(0, "WARN ", "Reaped zombie process with pid=%i", pid);
            }
        }
    }

    void note_end(int status) {
        if (WIFEXITED(status)) {
            exit_code_ = WEXITSTATUS(status);
            say(1, "INFO ", "Main child exited normally (with status '%i')", exit_code_);
        } else {
            exit_code_ = 128 + WTERMSIG(status);
            say(1, "INFO ", "Main child exited with signal (with signal '%s')",
                strsignal(WTERMSIG(status)));
        }
        const auto& good = options_.good_codes;
        if (std::find(good.begin(), good.end(), exit_code_) != good.end()) exit_code_ = 0;
    }

    // Warnings go to stderr, what is said on request to stdout, as tini has it.
    __attribute__((format(printf, 4, 5))) void say(int above, const char* level, const char* format,
                                                   ...) const {
        if (options_.verbosity <= above) return;
        va_list arguments;
        va_start(arguments, format);
        char text[4096];
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        drop_in_message(above == 0 ? STDERR_FILENO : STDOUT_FILENO, "[%s tini (%i)] %s\n", level,
                        getpid(), text);
    }

    int fatal(const char* what, int error) const {
        drop_in_message(STDERR_FILENO, "[FATAL tini (%i)] %s: %s\n", getpid(), what,
                        std::strerror(error));
        return 1;
    }

    const TiniOptions& options_;
    DropInChildPlan plan_;
    sigset_t waited_for_{};
    pid_t child_ = -1;
    int exit_code_ = 1;
};

void write_help(int fd, const char* name) {
    drop_in_message(fd, kHelp, name, kVersion, PILOTFISH_VERSION, name);
}

}  // namespace

int run_as_tini(int argc, char** argv) {
    const TiniInvocation invocation = parse_tini(argc, argv, getenv);
    const char* const name = argv[0];
    if (const auto* options = std::get_if<TiniOptions>(&invocation)) return Tini(*options).run();
    if (const auto* refusal = std::get_if<TiniRefusal>(&invocation)) {
        if (refusal->fatal.empty())
            write_help(STDERR_FILENO, name);
        else
            drop_in_message(STDERR_FILENO, "[FATAL tini (%i)] %s\n", getpid(),
                            refusal->fatal.c_str());
        return 1;
    }
    switch (std::get<TiniAnswer>(invocation)) {
        case TiniAnswer::version:
            // Docker reads the part before " - " as the version.
            drop_in_message(STDOUT_FILENO, "%s - pilotfish %s\n", kVersion, PILOTFISH_VERSION);
            break;
        case TiniAnswer::help: write_help(STDOUT_FILENO, name); break;
        case TiniAnswer::license: drop_in_message(STDOUT_FILENO, "%s", kLicense); break;
    }
    return 0;
}

}  // namespace pilotfish::daemon
