#include "cgroup/file_source.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace pilotfish::cgroup {
namespace {

constexpr int kReadFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

ReadOutcome outcome_of(int system_errno) {
    const bool nothing_there = system_errno == ENOENT || system_errno == ENOTDIR;
    return {nothing_there ? ReadState::absent : ReadState::failed, system_errno};
}

bool climbs(std::string_view path) {
    std::size_t at = 0;
    while ((at = path.find("..", at)) != std::string_view::npos) {
        const bool starts = at == 0 || path[at - 1] == '/';
        const bool ends = at + 2 == path.size() || path[at + 2] == '/';
        if (starts && ends) return true;
        at += 2;
    }
    return false;
}

}  // namespace

UniqueFd& UniqueFd::operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
        reset();
        fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
}

UniqueFd::~UniqueFd() { reset(); }

void UniqueFd::reset() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

FileSource FileSource::this_process() { return {Kind::this_process, 0, UniqueFd()}; }

core::Result<FileSource> FileSource::of_process(pid_t pid) {
    const std::string root = "/proc/" + std::to_string(pid) + "/root";
    UniqueFd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) {
        return core::system_error("look into process " + std::to_string(pid) + ": " + root, errno);
    }
    return FileSource(Kind::other_process, pid, std::move(fd));
}

core::Result<FileSource> FileSource::replay(const std::string& directory) {
    UniqueFd fd(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return core::system_error("replay the files of " + directory, errno);
    return FileSource(Kind::replay, 0, std::move(fd));
}

std::string FileSource::process_file(std::string_view name) const {
    std::string path = "/proc/";
    path += pid_ == 0 ? "self" : std::to_string(pid_);
    path += '/';
    path += name;
    return path;
}

int FileSource::open_below_root(const std::string& path, int flags) const {
    open_how how = {};
    how.flags = static_cast<unsigned long long>(flags);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    const long fd = ::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how);
    if (fd >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(fd);
    // Kernels before 5.6 and some seccomp profiles: without the kernel's help no link is followed.
    const std::size_t start = path.find_first_not_of('/');
    if (start == std::string::npos || climbs(path)) {
        errno = ENOENT;
        return -1;
    }
    return ::openat(root_.get(), path.c_str() + start, flags | O_NOFOLLOW);
}

UniqueFd FileSource::open(const std::string& path) const {
    if (path.find('\0') != std::string::npos) {
        errno = EINVAL;
        return UniqueFd();
    }
    if (kind_ == Kind::this_process) return UniqueFd(::open(path.c_str(), kReadFlags));
    return UniqueFd(open_below_root(path, kReadFlags));
}

UniqueFd FileSource::open_process_file(std::string_view name) const {
    const std::string path = process_file(name);
    if (kind_ == Kind::replay) return open(path);
    return UniqueFd(::open(path.c_str(), kReadFlags));
}

ReadOutcome FileSource::read(const std::string& path, std::size_t cap_bytes,
                             std::string& text) const {
    text.clear();
    const UniqueFd fd = open(path);
    if (!fd) return outcome_of(errno);
    return read_whole(fd.get(), cap_bytes, text);
}

ReadOutcome FileSource::read_process_file(std::string_view name, std::size_t cap_bytes,
                                          std::string& text) const {
    text.clear();
    const UniqueFd fd = open_process_file(name);
    if (!fd) return outcome_of(errno);
    return read_whole(fd.get(), cap_bytes, text);
}

ReadOutcome FileSource::look(const std::string& path) const {
    if (kind_ == Kind::this_process) {
        if (::access(path.c_str(), F_OK) == 0) return {};
        return outcome_of(errno);
    }
    const UniqueFd fd(open_below_root(path, O_PATH | O_CLOEXEC));
    if (!fd) return outcome_of(errno);
    return {};
}

ReadOutcome read_whole(int fd, std::size_t cap_bytes, std::string& text) {
    // Limit files fit into the first read; a list of mounts grows by doubling.
    constexpr std::size_t kFirstBytes = 4096;
    std::size_t used = 0;
    for (;;) {
        const std::size_t want = used == 0 ? kFirstBytes : used;
        text.resize(used + want);
        const ssize_t got = ::pread(fd, text.data() + used, want, static_cast<off_t>(used));
        if (got < 0) {
            if (errno == EINTR) continue;
            const int system_errno = errno;
            text.clear();
            return {ReadState::failed, system_errno};
        }
        used += static_cast<std::size_t>(got);
        if (used > cap_bytes) {
            text.clear();
            return {ReadState::failed, EFBIG};
        }
        if (got == 0) break;
        // A short read is the end, and asking once more would make the kernel write the whole text
        // again; only the list of mounts comes a page at a time.
        if (static_cast<std::size_t>(got) < want && cap_bytes != kMountinfoCapBytes) break;
    }
    text.resize(used);
    return {};
}

std::string read_failure(std::string_view path, const ReadOutcome& outcome) {
    if (outcome.system_errno == EFBIG) {
        return "cannot trust " + std::string(path) + ": longer than such a file can be";
    }
    return core::system_error("read " + std::string(path), outcome.system_errno).message;
}

}  // namespace pilotfish::cgroup
