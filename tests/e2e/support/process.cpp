#include "tests/e2e/support/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ostream>

#include "core/check.h"

namespace pilotfish::e2e {
namespace {

using Clock = std::chrono::steady_clock;

void move_to(int from, int to) {
    if (from != to) dup2(from, to);
}

std::map<std::string, std::string> sanitizer_options() {
    std::map<std::string, std::string> env;
    for (const char* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"})
        if (const char* value = std::getenv(name)) env[name] = value;
    // The leak checker stops its process with ptrace, which these tests use or forbid themselves;
    // the unit tests run with it.
    env["ASAN_OPTIONS"] += env["ASAN_OPTIONS"].empty() ? "detect_leaks=0" : ":detect_leaks=0";
    return env;
}

std::vector<std::string> environment_of(const StartOptions& options) {
    std::map<std::string, std::string> env = {
        {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
        // Two tests at a time would fight for the default port; those about it set their own.
        {"PILOTFISH_ADMIN_LISTEN", "off"},
        {"PILOTFISH_TERMINATION_LOG", "/dev/null"},
    };
    for (const auto& [name, value] : sanitizer_options()) env[name] = value;
    for (const auto& [name, value] : options.env) env[name] = value;
    std::vector<std::string> lines;
    for (const auto& [name, value] : env) lines.push_back(name + "=" + value);
    return lines;
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
    std::vector<char*> result;
    for (const std::string& text : strings) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

struct Terminal {
    int controller = -1;
    std::string path;
};

Terminal open_terminal() {
    const int controller = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    PF_CHECK(controller >= 0 && grantpt(controller) == 0 && unlockpt(controller) == 0,
             "no terminal");
    return {controller, ptsname(controller)};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const End& end) {
    if (end.signal != 0) return out << "killed by signal " << end.signal;
    return out << "exited with code " << end.code;
}

Process::Process(std::vector<std::string> command, const StartOptions& options) {
    if (options.terminal) {
        const Terminal terminal = open_terminal();
        out_.fd = terminal.controller;
        input_ = fcntl(terminal.controller, F_DUPFD_CLOEXEC, 0);
        pid_ = fork();
        if (pid_ == 0) {
            setsid();
            const int tty = open(terminal.path.c_str(), O_RDWR);
            ioctl(tty, TIOCSCTTY, 0);
            start_child(command, options, tty, tty, tty);
        }
    } else {
        int in[2], out[2], err[2];
        PF_CHECK(
            pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0,
            "no pipes");
        pid_ = fork();
        if (pid_ == 0) start_child(command, options, in[0], out[1], err[1]);
        close(in[0]);
        close(out[1]);
        close(err[1]);
        input_ = in[1];
        out_.fd = out[0];
        err_.fd = err[0];
    }
    PF_CHECK(pid_ > 0, "cannot fork");
    pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
    PF_CHECK(pidfd_ >= 0, "cannot open a pidfd");
}

void Process::start_child(const std::vector<std::string>& command, const StartOptions& options,
                          int in, int out, int err) {
    move_to(in, 0);
    move_to(out, 1);
    move_to(err, 2);
    if (in > 2) close(in);  // of a terminal: the pipes close on exec
    if (!options.cwd.empty() && chdir(options.cwd.c_str()) != 0) _exit(120);
    if (options.in_child) options.in_child();
    const std::vector<std::string> env = environment_of(options);
    const std::vector<char*> argv = pointers(command), envp = pointers(env);
    environ = const_cast<char**>(envp.data());
    execvp(argv[0], argv.data());
    _exit(121);
}

Process::~Process() {
    if (!ended_) {
        ::kill(pid_, SIGKILL);
        reap(true);
    }
    for (const int fd : {pidfd_, input_, out_.fd, err_.fd})
        if (fd >= 0) close(fd);
}

void Process::signal(int number) const {
    PF_CHECK(syscall(SYS_pidfd_send_signal, pidfd_, number, nullptr, 0) == 0,
             "the process is gone");
}

void Process::write(std::string_view text) const {
    PF_CHECK(::write(input_, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
             "cannot write");
}

void Process::close_input() {
    close(input_);
    input_ = -1;
}

bool Process::reap(bool block) {
    siginfo_t info = {};
    if (ended_) return true;
    if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | (block ? 0 : WNOHANG)) != 0 ||
        info.si_pid == 0)
        return false;
    ended_ = true;
    end_ = info.si_code == CLD_EXITED ? exited(info.si_status) : killed_by(info.si_status);
    return true;
}

bool Process::running() { return !reap(false); }

// Waits for something to read, or for the end of the process when asked to. False: nothing more
// will come, or the time is up.
bool Process::read_some(Clock::time_point deadline, bool until_end) {
    pollfd fds[3] = {{out_.fd, POLLIN, 0},
                     {err_.fd, POLLIN, 0},
                     {until_end && !ended_ ? pidfd_ : -1, POLLIN, 0}};
    if (fds[0].fd < 0 && fds[1].fd < 0 && fds[2].fd < 0) return false;
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0 || poll(fds, 3, static_cast<int>(left.count())) <= 0) return false;
    Stream* const streams[] = {&out_, &err_};
    for (int i = 0; i < 2; ++i) {
        if (fds[i].revents == 0) continue;
        char block[65536];
        const ssize_t got = read(fds[i].fd, block, sizeof block);
        if (got > 0) {
            streams[i]->text.append(block, static_cast<std::size_t>(got));
        } else {  // a terminal's other side ends with EIO
            close(fds[i].fd);
            streams[i]->fd = -1;
        }
    }
    if (fds[2].revents != 0) reap(true);
    return true;
}

std::string Process::wait_line(Stream& stream, std::string_view part) {
    const auto deadline = Clock::now() + kPatience;
    for (;;) {
        for (std::size_t end; (end = stream.text.find('\n', stream.seen)) != std::string::npos;) {
            const std::string line = stream.text.substr(stream.seen, end - stream.seen);
            stream.seen = end + 1;
            if (line.find(part) != std::string::npos) return line;
        }
        if (!read_some(deadline, false)) break;
    }
    ADD_FAILURE() << "no line with \"" << part << "\" came." << everything();
    return "";
}

std::string Process::wait_line(std::string_view part) { return wait_line(out_, part); }
std::string Process::wait_error_line(std::string_view part) { return wait_line(err_, part); }

End Process::wait(std::chrono::milliseconds patience) {
    const auto deadline = Clock::now() + patience;
    while (!ended_ && read_some(deadline, true)) {
    }
    if (!ended_) {
        ADD_FAILURE() << "no end after " << patience.count() << " ms." << everything();
        ::kill(pid_, SIGKILL);
        reap(true);
        return end_;
    }
    // What it wrote last is still in the pipes; what outlives it may hold them open for ever.
    while (read_some(Clock::now() + 100ms, false)) {
    }
    return end_;
}

std::string Process::everything() const {
    return "\n--- standard output\n" + out_.text + "\n--- standard error\n" + err_.text + "\n---";
}

Outcome run(std::vector<std::string> command, const StartOptions& options) {
    Process process(std::move(command), options);
    process.close_input();
    const End end = process.wait();
    return {end, process.out(), process.err()};
}

std::string pilotfish() { return PILOTFISH_BINARY; }
std::string program(std::string_view name) {
    return PILOTFISH_E2E_PROGRAMS "/" + std::string(name);
}

std::vector<std::string> entrypoint(std::vector<std::string> command) {
    command.insert(command.begin(), {pilotfish(), "--"});
    return command;
}

}  // namespace pilotfish::e2e
