#include "daemon/handover_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

#include "daemon/handover_text.h"

namespace pilotfish::daemon {
namespace {

constexpr int kSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

void set_close_on_exec(int fd, bool closed) {
    const int flags = fcntl(fd, F_GETFD);
    if (flags >= 0) fcntl(fd, F_SETFD, closed ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC);
}

}  // namespace

core::Result<int> write_handover_file(const Handover& handover) {
    const std::string text = handover_text(handover);
    const int fd = memfd_create("pilotfish-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0) return core::system_error("make a memory file for the state", errno);
    std::size_t written = 0;
    while (written < text.size()) {
        const ssize_t count = write(fd, text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        written += static_cast<std::size_t>(count);
    }
    if (written < text.size() || fcntl(fd, F_ADD_SEALS, kSeals) != 0) {
        const core::Error error = core::system_error("write the state to a memory file", errno);
        close(fd);
        return error;
    }
    return fd;
}

core::Result<Handover> read_handover_file(int fd) {
    struct stat file{};
    // Whatever else somebody put there is not ours.
    if ((fcntl(fd, F_GET_SEALS) & kSeals) != kSeals || fstat(fd, &file) != 0)
        return core::Error{"cannot read the state of the daemon before: its file is not sealed", 0};
    std::string text(static_cast<std::size_t>(file.st_size), '\0');
    std::size_t taken = 0;
    while (taken < text.size()) {
        const ssize_t count =
            pread(fd, text.data() + taken, text.size() - taken, static_cast<off_t>(taken));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return core::system_error("read the state of the daemon before", errno);
        taken += static_cast<std::size_t>(count);
    }
    return parse_handover(text);
}

std::optional<core::Result<Handover>> take_handover(SignalsAtStart& signals) {
    const char* const value = getenv(kTakeOverVariable);
    if (value == nullptr) return std::nullopt;
    int fd = -1;
    const char* const end = value + std::strlen(value);
    const auto parsed = std::from_chars(value, end, fd);
    const bool number = parsed.ec == std::errc() && parsed.ptr == end && fd > 2;
    unsetenv(kTakeOverVariable);
    if (!number)
        return core::Error{"cannot take over: " + std::string(kTakeOverVariable) +
                               " is set by pilotfish itself, for an upgrade in place",
                           0};
    auto handover = read_handover_file(fd);
    if (!handover) return handover;
    close(fd);
    if (handover->pid != getpid())
        return core::Error{"cannot take over: the state is that of another process", 0};
    set_close_on_exec(*handover, true);
    sigemptyset(&signals.mask);
    for (const int signal : handover->blocked_signals) sigaddset(&signals.mask, signal);
    signals.sigpipe_ignored = handover->sigpipe_ignored;
    signals.sigchld_ignored = handover->sigchld_ignored;
    return handover;
}

void set_close_on_exec(const Handover& handover, bool closed) {
    for (const int fd : descriptors_of(handover)) set_close_on_exec(fd, closed);
}

}  // namespace pilotfish::daemon
