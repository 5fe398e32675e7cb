#include "daemon/log_rotation.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "daemon/line_ring.h"
#include "daemon/safe_directory.h"

namespace pilotfish::daemon {
namespace {

std::size_t first_line(std::string_view lines) {
    return std::min(lines.find('\n'), lines.size() - 1) + 1;
}

}  // namespace

int FileCalls::open(int directory, const char* name, int flags, mode_t mode) {
    return openat(directory, name, flags, mode);
}
ssize_t FileCalls::write(int fd, const char* bytes, std::size_t count) {
    return ::write(fd, bytes, count);
}
int FileCalls::rename(int directory, const char* from, const char* to) {
    return renameat(directory, from, directory, to);
}
int FileCalls::unlink(int directory, const char* name) { return unlinkat(directory, name, 0); }

FileCalls& FileCalls::of_system() {
    static FileCalls calls;
    return calls;
}

RotatingFile::RotatingFile(RotationOptions options, FileCalls& calls)
    : options_(std::move(options)),
      name_(options_.path.substr(options_.path.rfind('/') + 1)),
      calls_(calls) {}

RotatingFile::~RotatingFile() {
    if (fd_ >= 0) close(fd_);
}

core::Error RotatingFile::error(std::string_view what, int code) const {
    return core::system_error(std::string(what) + " the log " + options_.path, code);
}

core::Result<void> RotatingFile::open() {
    if (fd_ >= 0) return {};
    // Without O_NONBLOCK a FIFO of that name would hold us until somebody reads it.
    constexpr int kFlags =
        O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    // Readable by the group, which collectors of logs are in; the umask has its say.
    auto directory = open_safe_directory(options_.path.substr(0, options_.path.rfind('/') + 1));
    if (!directory) return directory.error().within("cannot open the log " + options_.path);
    const int fd = calls_.open(directory->get(), name_.c_str(), kFlags, 0640);
    if (fd < 0 && errno == ELOOP) {
        return core::Error{"cannot open the log " + options_.path +
                               ": it is a symbolic link; name the file itself, or use LOG=tee",
                           ELOOP};
    }
    if (fd < 0) return error("open", errno);
    struct stat id{};
    struct stat in{};
    if (fstat(fd, &id) != 0 || fstat(directory->get(), &in) != 0) {
        const int failed = errno;
        close(fd);
        return error("open", failed);
    }
    const bool is_known = id.st_uid == 0 || id.st_uid == geteuid() || id.st_uid == in.st_uid;
    const char* const wrong = !S_ISREG(id.st_mode) ? "it is no regular file"
                              : id.st_nlink > 1    ? "it has other names too (hard links)"
                              : !is_known ? "it belongs to neither the daemon nor the directory's "
                                            "owner"
                                          : nullptr;
    if (wrong != nullptr) {
        close(fd);
        return core::Error{"cannot open the log " + options_.path + ": " + wrong +
                               "; name another, or use LOG=tee",
                           EINVAL};
    }
    directory_ = std::move(*directory);
    fd_ = fd;
    id_ = id;
    size_ = static_cast<std::uint64_t>(id.st_size);
    full_at_ = options_.max_bytes;
    return {};
}

void RotatingFile::let_go_if_moved() {
    struct stat now{};
    const bool same = lstat(options_.path.c_str(), &now) == 0 && now.st_dev == id_.st_dev &&
                      now.st_ino == id_.st_ino;
    if (same) {
        // Cut by copytruncate: our appends begin at its new end.
        size_ = std::min(size_, static_cast<std::uint64_t>(now.st_size));
        return;
    }
    // A line that is parted ends in the file that it began in.
    if (in_line_) return;
    close(std::exchange(fd_, -1));
}

// Bytes of the lines that belong into the file as it is; 0: none, it is full.
std::size_t RotatingFile::fitting(std::string_view lines) const {
    if (in_line_) return first_line(lines);
    if (full_at_ == 0) return lines.size();
    const std::uint64_t room = full_at_ > size_ ? full_at_ - size_ : 0;
    if (lines.size() <= room) return lines.size();
    const std::size_t whole = whole_lines(lines.substr(0, static_cast<std::size_t>(room)));
    return whole == 0 && size_ == 0 ? first_line(lines) : whole;
}

void RotatingFile::rotate() {
    const auto moved = [this](const std::string& from, const std::string& to) {
        return calls_.rename(directory_.get(), from.c_str(), to.c_str()) == 0 || errno == ENOENT;
    };
    bool done = true;
    // The oldest first: what is renamed over has been renamed itself, or is the one to go.
    for (int number = options_.max_files - 1; number >= 1 && done; --number)
        done = moved(numbered(number), numbered(number + 1));
    if (done && options_.max_files > 0) done = moved(name_, numbered(1));
    if (done && options_.max_files == 0)
        done = calls_.unlink(directory_.get(), name_.c_str()) == 0 || errno == ENOENT;
    if (done) {
        close(std::exchange(fd_, -1));
        return;
    }
    complaint_ = error("rotate", errno).message + "; going on in the file there is";
    full_at_ = size_ + options_.max_bytes;
}

core::Result<std::size_t> RotatingFile::write(std::string_view lines) {
    if (lines.empty()) return std::size_t{0};
    if (fd_ >= 0) let_go_if_moved();
    if (auto opened = open(); !opened) return opened.error();
    std::size_t fits = fitting(lines);
    if (fits == 0) {
        rotate();
        if (auto opened = open(); !opened) return opened.error();
        fits = std::max(fitting(lines), first_line(lines));
    }
    ssize_t count = -1;
    do {
        count = calls_.write(fd_, lines.data(), fits);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return error("write to", errno);
    if (count == 0) return error("write to", ENOSPC);
    const auto written = static_cast<std::size_t>(count);
    size_ += written;
    in_line_ = lines[written - 1] != '\n';
    return written;
}

}  // namespace pilotfish::daemon
