#include "daemon/drop_in_dumb_init.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <vector>

#include "daemon/drop_in_child.h"
#include "daemon/drop_in_message.h"
#include "daemon/dumb_init_options.h"

namespace pilotfish::daemon {
namespace {

constexpr const char* kVersion = "dumb-init v1.2.5";

constexpr const char* kHelp = R"(%s, as pilotfish %s does it
Usage: %s [option] command [[arg] ...]

Runs command in a session of its own and hands every signal on to all of that session's process group.

  -c, --single-child  no session: signals go to the command's process alone
  -r, --rewrite s:r   hand on r when s comes (numbers, 1 to 31); r = 0 drops it; may be repeated
  -v, --verbose       say on stderr what happens
  -h, --help          this text
  -V, --version       what this is

Variables: DUMB_INIT_DEBUG=1 (as -v), DUMB_INIT_SETSID=0 (as -c). Under its own name pilotfish does
more: `pilotfish help`.
)";

// Whatever the reason, as dumb-init has it.
int exec_failure_code(int) { return 2; }

class DumbInit {
  public:
    explicit DumbInit(const DumbInitOptions& options) : options_(options) {}

    int run() {
        sigfillset(&all_);
        sigprocmask(SIG_SETMASK, &all_, nullptr);
        // Ignored by whoever started us, every child's exit status would vanish.
        struct sigaction standard{};
        sigaction(SIGCHLD, &standard, nullptr);
        if (options_.debug_by_variable) say("Running in debug mode.");
        if (options_.no_session_by_variable) say("Not running in setsid mode.");
        if (options_.own_session) let_go_of_terminal();
        if (!start()) return 1;
        for (const siginfo_t& info : kept_) take(info);
        while (!over_) {
            siginfo_t info{};
            if (sigwaitinfo(&all_, &info) > 0) take(info);
        }
        return exit_code_;
    }

  private:
    // So that the child's session can have it. The kernel tells the foreground group of a terminal
    // that its session's leader let go of it; that is not for the child.
    void let_go_of_terminal() {
        if (ioctl(STDIN_FILENO, TIOCNOTTY) != 0) {
            say("Unable to detach from controlling tty (errno=%d %s).", errno,
                std::strerror(errno));
            return;
        }
        if (getsid(0) != getpid()) {
            say("Detached from controlling tty, but was not session leader.");
            return;
        }
        say("Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive.");
        // Both are there by now. What somebody else had sent before is kept.
        sigset_t told;
        sigemptyset(&told);
        sigaddset(&told, SIGHUP);
        sigaddset(&told, SIGCONT);
        const timespec now{};
        for (siginfo_t info{}; sigtimedwait(&told, &info, &now) > 0;) {
            if (info.si_pid == getpid() || info.si_code == SI_KERNEL)
                say("Ignoring tty hand-off signal %d.", info.si_signo);
            else
                kept_.push_back(info);
        }
    }

    bool start() {
        DropInChildPlan plan;
        plan.command = options_.command;
        plan.own_session = options_.own_session;
        plan.all_signals_default = true;
        sigemptyset(&plan.mask);
        plan.exit_code_of = exec_failure_code;
        const DropInChild child = start_drop_in_child(plan);
        if (child.pid < 0) {
            complain("Unable to fork. Exiting.");
            return false;
        }
        child_ = child.pid;
        say("Child spawned with PID %d.", child_);
        if (options_.own_session) {
            if (child.terminal_error != 0)
                say("Unable to attach to controlling tty (errno=%d %s).", child.terminal_error,
                    std::strerror(child.terminal_error));
            say("setsid complete.");
        }
        if (child.error != 0)
            drop_in_message(STDERR_FILENO, "[dumb-init] %s: %s\n", options_.command[0],
                            std::strerror(child.error));
        else
            // Whoever reads the other end would wait for us as well.
            syscall(SYS_close_range, 3U, ~0U, 0U);
        // Our directory's mount can be taken away.
        if (chdir("/") != 0)
            say("Unable to chdir(\"/\") (errno=%d %s)", errno, std::strerror(errno));
        return true;
    }

    void take(const siginfo_t& info) {
        const int signal = info.si_signo;
        say("Received signal %d.", signal);
        if (signal == SIGCHLD) return reap();
        forward(signal, &info);
        if (signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU) {
            say("Suspending self due to TTY signal.");
            kill(getpid(), SIGSTOP);
        }
    }

    void forward(int signal, const siginfo_t* info) {
        const int as = options_.rewritten(signal);
        if (as != signal) say("Translating signal %d to %d.", signal, as);
        if (as == 0) {
            say("Not forwarding signal %d to children (ignored).", as);
            return;
        }
        const bool with_value = info != nullptr && info->si_code == SI_QUEUE;
        if (with_value && !options_.own_session)
            sigqueue(child_, as, info->si_value);
        else
            kill(options_.own_session ? -child_ : child_, as);
        say("Forwarded signal %d to children.", as);
    }

    void reap() {
        int status = 0;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
            const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
            if (WIFEXITED(status))
                say("A child with PID %d exited with exit status %d.", pid, code);
            else
                say("A child with PID %d was terminated by signal %d.", pid, code - 128);
            if (pid != child_) continue;
            // Who is left of its session shall end, too. Alone it has no group of its own, and its
            // pid may be somebody else's by now.
            if (options_.own_session) forward(SIGTERM, nullptr);
            say("Child exited with status %d. Goodbye.", code);
            exit_code_ = code;
            over_ = true;
            return;
        }
    }

    void complain(const char* text) const {
        drop_in_message(STDERR_FILENO, "[dumb-init] %s\n", text);
    }

    __attribute__((format(printf, 2, 3))) void say(const char* format, ...) const {
        if (!options_.debug) return;
        va_list arguments;
        va_start(arguments, format);
        char text[512];
        vsnprintf(text, sizeof text, format, arguments);
        va_end(arguments);
        complain(text);
    }

    const DumbInitOptions& options_;
    sigset_t all_{};
    std::vector<siginfo_t> kept_;
    pid_t child_ = -1;
    bool over_ = false;
    int exit_code_ = 1;
};

}  // namespace

int run_as_dumb_init(int argc, char** argv) {
    const DumbInitInvocation invocation = parse_dumb_init(argc, argv, getenv);
    if (const auto* options = std::get_if<DumbInitOptions>(&invocation))
        return DumbInit(*options).run();
    if (const auto* refusal = std::get_if<DumbInitRefusal>(&invocation)) {
        drop_in_message(STDERR_FILENO, "%s", refusal->text.c_str());
        return 1;
    }
    if (std::get<DumbInitAnswer>(invocation) == DumbInitAnswer::help)
        drop_in_message(STDERR_FILENO, kHelp, kVersion, PILOTFISH_VERSION, argv[0]);
    else
        drop_in_message(STDERR_FILENO, "%s - pilotfish %s\n", kVersion, PILOTFISH_VERSION);
    return 0;
}

}  // namespace pilotfish::daemon
