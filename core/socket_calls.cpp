#include "core/socket_calls.h"

#include <fcntl.h>

#include <cerrno>

namespace pilotfish::core {
Result<OwnedFd> open_socket(int family, int type, std::string_view what) {
    OwnedFd fd(::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return io_error(what, errno);
    return fd;
}

Result<std::pair<AsyncFd, AsyncFd>> socket_pair(int type) {
    int ends[2];
    if (::socketpair(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
        return io_error("make a pair of sockets", errno);
    OwnedFd second(ends[1]);
    Result<AsyncFd> left = AsyncFd::adopt(ends[0]);
    if (!left) return left.error();
    Result<AsyncFd> right = AsyncFd::adopt(second.release());
    if (!right) return right.error();
    return std::pair(std::move(*left), std::move(*right));
}

Result<void> set_option(int fd, int level, int option, int value, std::string_view what) {
    if (::setsockopt(fd, level, option, &value, sizeof value) != 0) return io_error(what, errno);
    return {};
}

int pending_error(int fd) noexcept {
    int failure = 0;
    socklen_t size = sizeof failure;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &size) == 0 ? failure : errno;
}

bool is_connected(int fd) noexcept {
    sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
}

bool set_non_blocking(int fd) noexcept {
    const int flags = ::fcntl(fd, F_GETFL);
    return flags >= 0 && (flags & O_NONBLOCK || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

}  // namespace pilotfish::core
