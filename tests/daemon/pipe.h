// A pipe under the test's control, and what the tests of the log path share.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <vector>

#include "core/check.h"
#include "daemon/output.h"

namespace pilotfish::tests {

class Pipe {
  public:
    // capacity_bytes 0: the system's default; else rounded up to pages by the kernel.
    explicit Pipe(int capacity_bytes = 0) {
        signal(SIGPIPE, SIG_IGN);
        PF_CHECK(pipe2(ends_, O_CLOEXEC) == 0, "cannot make a pipe");
        if (capacity_bytes > 0) {
            PF_CHECK(fcntl(ends_[1], F_SETPIPE_SZ, capacity_bytes) > 0, "cannot shrink a pipe");
        }
    }
    ~Pipe() {
        close_reader();
        close_writer();
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_reader() { close_end(0); }
    void close_writer() { close_end(1); }

    // What is in the pipe now; never waits.
    std::string take() const {
        std::string text;
        pollfd poller{reader(), POLLIN, 0};
        while (poll(&poller, 1, 0) == 1 && read_some(text)) {
        }
        return text;
    }
    // Reads until the text ends with end; waits as long as the test's time limit allows.
    std::string read_until(const std::string& end) const {
        std::string text;
        while (!text.ends_with(end) && read_some(text)) {
        }
        return text;
    }
    std::string read_all() const {
        std::string text;
        while (read_some(text)) {
        }
        return text;
    }
    // Makes every further write wait.
    void fill() const {
        const int flags = fcntl(writer(), F_GETFL);
        fcntl(writer(), F_SETFL, flags | O_NONBLOCK);
        const std::string page(4096, '#');
        while (::write(writer(), page.data(), page.size()) > 0) {
        }
        fcntl(writer(), F_SETFL, flags);
    }

  private:
    bool read_some(std::string& text) const {
        char bytes[4096];
        ssize_t count = -1;
        do {
            count = read(reader(), bytes, sizeof bytes);
        } while (count < 0 && errno == EINTR);
        if (count > 0) text.append(bytes, static_cast<std::size_t>(count));
        return count > 0;
    }
    void close_end(int end) {
        if (ends_[end] >= 0) close(ends_[end]);
        ends_[end] = -1;
    }
    int ends_[2] = {-1, -1};
};

inline std::vector<std::string> split_lines(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

// A source whose losses read "lost N".
struct Source {
    explicit Source(daemon::Output& output,
                    daemon::OutputSource::Rank rank = daemon::OutputSource::Rank::worker)
        : source(output, tell, nullptr, rank) {}
    operator daemon::OutputSource&() { return source; }
    static void tell(const void*, std::uint64_t lost, std::string& out) {
        out += "lost " + std::to_string(lost) + "\n";
    }
    daemon::OutputSource source;
};

}  // namespace pilotfish::tests
