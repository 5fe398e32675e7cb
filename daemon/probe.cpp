#include "daemon/probe.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace pilotfish::daemon {
namespace {

// Kubernetes' default probe timeout is one second; a little more lets its own verdict come first.
constexpr timeval kTimeout{2, 0};

class Socket {
  public:
    explicit Socket(int fd) : fd_(fd) {}
    ~Socket() {
        if (fd_ >= 0) close(fd_);
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    int get() const { return fd_; }

  private:
    int fd_;
};

// The loopback address of the same family where the daemon listens on all addresses.
int connect_to(const config::ListenAddress& address) {
    sockaddr_storage storage{};
    socklen_t length = 0;
    if (address.is_unix()) {
        auto& target = reinterpret_cast<sockaddr_un&>(storage);
        target.sun_family = AF_UNIX;
        std::memcpy(target.sun_path, address.unix_path.c_str(), address.unix_path.size() + 1);
        length = sizeof target;
    } else if (auto& v4 = reinterpret_cast<sockaddr_in&>(storage);
               inet_pton(AF_INET, address.host == "localhost" ? "127.0.0.1" : address.host.c_str(),
                         &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        if (v4.sin_addr.s_addr == htonl(INADDR_ANY)) v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        length = sizeof v4;
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(storage);
        if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) != 1) {
            errno = EADDRNOTAVAIL;
            return -1;
        }
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        if (std::memcmp(&v6.sin6_addr, &in6addr_any, sizeof in6addr_any) == 0)
            v6.sin6_addr = in6addr_loopback;
        length = sizeof v6;
    }
    const int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kTimeout, sizeof kTimeout);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kTimeout, sizeof kTimeout);
    if (connect(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0) {
        const int connect_errno = errno;
        close(fd);
        errno = connect_errno;
        return -1;
    }
    return fd;
}

std::string_view path_of(config::ProbeKind kind) {
    switch (kind) {
        case config::ProbeKind::livez: return "/livez";
        case config::ProbeKind::readyz: return "/readyz";
        case config::ProbeKind::startupz: return "/startupz";
    }
    return "/livez";
}

}  // namespace

core::Result<ProbeAnswer> ask_probe(const config::Settings& settings, config::ProbeKind kind) {
    const config::Listeners& listeners =
        settings.probe_listen.empty() ? settings.admin_listen : settings.probe_listen;
    if (listeners.empty()) {
        return core::Error{
            "cannot ask the daemon: PILOTFISH_ADMIN_LISTEN is off and PILOTFISH_PROBE_LISTEN is "
            "not set; set one of them"};
    }
    const config::ListenAddress& address = listeners.front();
    const std::string where = config::format_listen_address(address);
    const Socket socket(connect_to(address));
    if (socket.get() < 0) return core::system_error("ask the daemon at " + where, errno);

    const std::string request = "GET " + std::string(path_of(kind)) +
                                "?verbose HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return core::system_error("ask the daemon at " + where, errno);
    }
    std::string response;
    char buffer[4096];
    constexpr std::size_t kMostBytes = 64 * 1024;
    while (response.size() < kMostBytes) {
        const ssize_t length = recv(socket.get(), buffer, sizeof buffer, 0);
        if (length == 0) break;
        if (length < 0) {
            const int code = errno == EAGAIN ? ETIMEDOUT : errno;
            return core::system_error("hear from the daemon at " + where, code);
        }
        response.append(buffer, static_cast<std::size_t>(length));
    }
    const std::size_t body = response.find("\r\n\r\n");
    if (!response.starts_with("HTTP/1.") || body == std::string::npos || response.size() < 12) {
        return core::Error{"cannot ask the daemon at " + where +
                           ": what answers there is not pilotfish"};
    }
    return ProbeAnswer{response.compare(9, 3, "200") == 0, response.substr(body + 4)};
}

}  // namespace pilotfish::daemon
