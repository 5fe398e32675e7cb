#include "daemon/termination_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace pilotfish::daemon {
namespace {

// Closes on every way out.
class File {
  public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) close(fd_);
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int fd() const { return fd_; }

  private:
    const int fd_;
};

// O_NONBLOCK: a FIFO that nobody reads must not hold up the end of the container.
int open_log(const TerminationLog& log) {
    return open(
        log.path.c_str(),
        O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (log.configured ? O_CREAT : 0),
        0644);
}

// False also where we may write the file but not read it.
bool ends_a_line(const std::string& path, off_t size) {
    if (size == 0) return true;
    const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    char last = '\0';
    return file.fd() >= 0 && pread(file.fd(), &last, 1, size - 1) == 1 && last == '\n';
}

// At most `most` bytes, not ending within a UTF-8 sequence.
std::string_view cut_to(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    std::size_t end = most;
    while (end > 0 && most - end < 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        --end;
    }
    return text.substr(0, end);
}

}  // namespace

core::Result<TerminationNote> write_termination_log(const TerminationLog& log,
                                                    std::string_view verdict) {
    if (log.path.empty()) return TerminationNote{};
    const File file(open_log(log));
    if (file.fd() < 0) {
        if (!log.configured) return TerminationNote{};
        return core::system_error("open the termination log " + log.path, errno);
    }
    struct stat status;
    if (fstat(file.fd(), &status) != 0) {
        return core::system_error("examine the termination log " + log.path, errno);
    }
    const off_t size = S_ISREG(status.st_mode) ? status.st_size : 0;
    const bool apart = !ends_a_line(log.path, size);
    const std::size_t used =
        static_cast<std::size_t>(size) + (apart ? 1 : 0) + 1;  // both line ends
    if (used >= TerminationLog::kMaxBytes) return TerminationNote{0, true};
    const std::string_view text = cut_to(verdict, TerminationLog::kMaxBytes - used);
    std::string note(apart ? "\n" : "");
    note.append(text).append("\n");
    ssize_t written = -1;
    do {
        written = write(file.fd(), note.data(), note.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0) return core::system_error("write the termination log " + log.path, errno);
    const auto bytes = static_cast<std::size_t>(written);
    return TerminationNote{bytes, text.size() < verdict.size() || bytes < note.size()};
}

}  // namespace pilotfish::daemon
