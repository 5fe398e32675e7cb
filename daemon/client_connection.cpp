#include "daemon/client_connection.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// More than any answer of ours that is not followed: a thousand workers are 600 KiB.
constexpr std::size_t kMostBody = 64UL * 1024 * 1024;

core::Error silent(const std::string& where, milliseconds patience) {
    return {"cannot hear from the daemon at " + where + ": nothing for " +
                std::to_string(patience.count()) + " ms",
            ETIMEDOUT, core::ErrorKind::timed_out};
}

bool set_patience(int fd, milliseconds patience) {
    const timeval limit{patience.count() / 1000, (patience.count() % 1000) * 1000};
    return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0;
}

}  // namespace

core::Result<ClientConnection> ClientConnection::open(const http::Address& address,
                                                      const std::string& where,
                                                      milliseconds patience) {
    const int fd = socket(address.socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return core::system_error("ask the daemon at " + where, errno);
    ClientConnection connection(fd, where);
    // Of connect too (socket(7), SO_SNDTIMEO).
    set_patience(fd, patience);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address.socket), address.size) != 0) {
        const int failed = errno == EINPROGRESS || errno == EAGAIN ? ETIMEDOUT : errno;
        return core::system_error("ask the daemon at " + where, failed);
    }
    return connection;
}

int ClientConnection::peer_pid() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    // TCP has no such thing and gives a pid of 0.
    return getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? peer.pid : 0;
}

std::optional<uid_t> ClientConnection::peer_user() const {
    ucred peer{};
    socklen_t size = sizeof peer;
    const bool known = getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
    // TCP has -1.
    return known && peer.uid != static_cast<uid_t>(-1) ? std::optional(peer.uid) : std::nullopt;
}

core::Result<void> ClientConnection::send(std::string_view method, std::string_view target,
                                          const std::string& token) {
    reader_ = {};
    std::string request(method);
    request.append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
    if (!token.empty()) request.append("Authorization: Bearer ").append(token).append("\r\n");
    if (method == "POST") request += "Content-Length: 0\r\n";
    request += "\r\n";
    std::string_view left = request;
    while (!left.empty()) {
        const ssize_t sent = ::send(fd_.get(), left.data(), left.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0) return core::system_error("ask the daemon at " + where_, errno);
        left.remove_prefix(static_cast<std::size_t>(sent));
    }
    return {};
}

core::Result<bool> ClientConnection::receive(std::string& body, milliseconds patience) {
    using State = http::ResponseReader::State;
    if (reader_.state() == State::done) return true;
    pollfd wait{fd_.get(), POLLIN, 0};
    const auto deadline = Clock::now() + patience;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now());
        const int ready = poll(&wait, 1, static_cast<int>(std::max<long>(left.count(), 0)));
        if (ready == 1) break;
        if (ready == 0) return silent(where_, patience);
        if (errno != EINTR) return core::system_error("hear from the daemon at " + where_, errno);
    }
    char buffer[64 * 1024];
    const ssize_t got = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got < 0) return core::system_error("hear from the daemon at " + where_, errno);
    const State before = reader_.state();
    const State state =
        got > 0 ? reader_.feed({buffer, static_cast<std::size_t>(got)}, body) : reader_.end();
    if (state == State::done) return true;
    if (state != State::malformed) return false;
    if (got > 0) {
        return core::Error{"cannot ask the daemon at " + where_ +
                           ": what answers there is not pilotfish"};
    }
    return core::Error{"cannot hear from the daemon at " + where_ +
                           (before == State::head ? ": it closed the connection without an answer"
                                                  : ": it ended in the middle of its answer"),
                       ECONNRESET};
}

core::Result<ClientConnection::Answer> ClientConnection::ask(std::string_view method,
                                                             std::string_view target,
                                                             const std::string& token,
                                                             milliseconds patience) {
    if (auto sent = send(method, target, token); !sent) return sent.error();
    Answer answer;
    for (;;) {
        const core::Result<bool> whole = receive(answer.body, patience);
        if (!whole) return whole.error();
        if (*whole) break;
        if (answer.body.size() > kMostBody)
            return core::Error{"cannot ask the daemon at " + where_ + ": its answer has no end"};
    }
    answer.status = reader_.status();
    return answer;
}

}  // namespace pilotfish::daemon
