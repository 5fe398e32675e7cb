// Our side of the echo rows: TCP echo on one processor, a task a connection. Prints its port and
// serves until killed.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "core/async_fd.h"
#include "core/runtime.h"
#include "core/task.h"

namespace pilotfish::core {
namespace {

// A client that reads no answers is let go: with 64 bytes in flight nobody is. A read that leaves
// room has emptied the socket (epoll(7), question 9): what comes later is a new edge, and the read
// that would say EAGAIN is saved. The await may be ready once for what was read already.
Task<> echo(AsyncFd socket) {
    char room[4096];
    for (;;) {
        const ssize_t bytes = read(socket.get(), room, sizeof room);
        if (bytes > 0) {
            if (write(socket.get(), room, static_cast<std::size_t>(bytes)) != bytes) co_return;
            if (bytes == sizeof room) continue;
        } else if (bytes == 0 || errno != EAGAIN) {
            co_return;
        }
        if (co_await socket.readable() != Wake::ready) co_return;
    }
}

Task<int> serve() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(fd, generic, length) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, generic, &length) != 0) {
        std::perror("echo_server");
        co_return 1;
    }
    std::printf("%d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    Result<AsyncFd> listener = AsyncFd::adopt(fd);
    if (!listener) std::abort();
    for (;;) {
        const int connection = accept4(fd, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (connection >= 0) {
            Result<AsyncFd> socket = AsyncFd::adopt(connection);
            if (socket) spawn(echo(std::move(*socket))).detach();
        } else if (errno == EAGAIN) {
            if (co_await listener->readable() != Wake::ready) co_return 0;
        }
    }
}

}  // namespace
}  // namespace pilotfish::core

int main() {
    pilotfish::core::Runtime runtime({.processors = 1});
    return runtime.run(pilotfish::core::serve());
}
