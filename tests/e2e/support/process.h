// A program under test: started with pipes or a terminal, watched, signalled, waited for.
//
// One thread. Owns the process: a Process that goes out of scope is killed and reaped. wait() and
// wait_line() block up to a deadline; when it passes they record a test failure that quotes all the
// program wrote, and return something harmless.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::e2e {

using namespace std::chrono_literals;

// Long enough for a sanitizer build on a busy machine: only a failing test waits this long.
inline constexpr std::chrono::milliseconds kPatience = 30s;

// How a process ended. A supervisor that passes on its worker's death exits with 128 + signal; one
// that is killed itself has `signal` set: two different things.
struct End {
    int code = -1;   // exit code; -1 when a signal killed it
    int signal = 0;  // the signal that killed it; 0 when it exited
    bool operator==(const End&) const = default;
};
std::ostream& operator<<(std::ostream& out, const End& end);
inline End exited(int code) { return {.code = code}; }
inline End killed_by(int signal) { return {.signal = signal}; }

struct StartOptions {
    std::map<std::string, std::string> env = {};  // beside PATH and the sanitizers' own
    std::function<void()> in_child = {};          // runs between fork and exec
    std::string cwd = {};
    bool terminal = false;  // a pseudo-terminal of its own instead of pipes, as session leader
};

class Process {
  public:
    Process(std::vector<std::string> command, const StartOptions& options = {});
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    pid_t pid() const { return pid_; }
    void signal(int number) const;

    // What was written so far to standard output (or the terminal), and to standard error.
    const std::string& out() const { return out_.text; }
    const std::string& err() const { return err_.text; }

    // The next line of standard output (terminal) or standard error that contains `part`; lines
    // before it are passed over.
    std::string wait_line(std::string_view part);
    std::string wait_error_line(std::string_view part);

    void write(std::string_view text) const;  // to its standard input
    void close_input();

    // The end of the process, and of all that was written on the way.
    End wait(std::chrono::milliseconds patience = kPatience);
    bool running();

  private:
    struct Stream {
        int fd = -1;
        std::string text;
        std::size_t seen = 0;  // up to here wait_line() has passed
    };

    std::string wait_line(Stream& stream, std::string_view part);
    bool read_some(std::chrono::steady_clock::time_point deadline, bool until_end);
    bool reap(bool block);
    std::string everything() const;
    void start_child(const std::vector<std::string>& command, const StartOptions& options, int in,
                     int out, int err);

    pid_t pid_ = -1;
    int pidfd_ = -1;
    int input_ = -1;
    Stream out_, err_;
    bool ended_ = false;
    End end_;
};

// Starts, waits, and returns all of it.
struct Outcome {
    End end;
    std::string out;
    std::string err;
};
Outcome run(std::vector<std::string> command, const StartOptions& options = {});

// The binary under test, and the little programs of tests/e2e/programs.
std::string pilotfish();
std::string program(std::string_view name);
std::vector<std::string> entrypoint(std::vector<std::string> command);  // pilotfish -- COMMAND

}  // namespace pilotfish::e2e
