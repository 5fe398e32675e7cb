#include "core/tcp.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <cstring>

#include "core/socket_calls.h"

namespace pilotfish::core {
namespace {

// Loopback has a joke: a socket that connects to a port nobody listens on may be given that very
// port as its own, and is then connected with itself.
bool speaks_with_itself(int fd, const InetAddress& peer) {
    const Result<InetAddress> local = own_address<InetAddress>(fd);
    return local && *local == peer;
}

}  // namespace

Task<Result<TcpStream>> TcpStream::connect(InetAddress address, Deadline deadline) {
    const std::string what = "connect to " + address.text();
    Result<OwnedFd> made = open_socket(address.family(), SOCK_STREAM, what);
    if (!made) co_return made.error();
    const Result<void> set = set_option(made->get(), IPPROTO_TCP, TCP_NODELAY, 1, what);
    if (!set) co_return set.error();
    const IoOutcome begun =
        io_attempt([&] { return ::connect(made->get(), address.data(), address.size()); });
    if (begun.failure != 0 && begun.failure != EINPROGRESS) co_return io_error(what, begun.failure);
    // Watched only now: epoll calls a socket that was never connected hung up.
    Result<AsyncFd> fd = AsyncFd::adopt(made->release());
    if (!fd) co_return fd.error().within("cannot " + what);
    if (begun.failure == EINPROGRESS) {
        for (;;) {
            const Wake wake = co_await fd->writable(deadline);
            if (wake != Wake::ready) co_return io_error(what, IoOutcome{0, kIoTimedOut});
            if (const int failure = pending_error(fd->get())) co_return io_error(what, failure);
            if (is_connected(fd->get())) break;
        }
    }
    if (speaks_with_itself(fd->get(), address)) co_return io_error(what, ECONNREFUSED);
    co_return TcpStream(std::move(*fd), address);
}

Result<TcpStream> TcpStream::adopt(int fd) {
    OwnedFd owned(fd);
    const Result<InetAddress> peer = peer_address_of<InetAddress>(fd);
    if (!peer) return peer.error().within("cannot take over a TCP connection");
    if (!set_non_blocking(fd)) return io_error("take over a TCP connection", errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(owned.release());
    if (!adopted) return adopted.error();
    return TcpStream(std::move(*adopted), *peer);
}

Result<InetAddress> TcpStream::local_address() const { return own_address<InetAddress>(fd_.get()); }

Result<void> TcpStream::shutdown_write() {
    if (::shutdown(fd_.get(), SHUT_WR) == 0) return {};
    return io_error("end the writing to " + peer_name(), errno);
}

void TcpStream::shutdown() noexcept {
    if (fd_) ::shutdown(fd_.get(), SHUT_RDWR);
}

void TcpStream::reset() noexcept {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
}

Result<void> TcpStream::no_delay(bool on) {
    return set_option(fd_.get(), IPPROTO_TCP, TCP_NODELAY, on ? 1 : 0,
                      "set TCP_NODELAY to " + peer_name());
}

Result<void> TcpStream::keep_alive(std::chrono::seconds idle, std::chrono::seconds interval,
                                   int probes) {
    const std::string what = "keep the connection to " + peer_name() + " alive";
    const struct {
        int level, option, value;
    } settings[] = {{IPPROTO_TCP, TCP_KEEPIDLE, static_cast<int>(idle.count())},
                    {IPPROTO_TCP, TCP_KEEPINTVL, static_cast<int>(interval.count())},
                    {IPPROTO_TCP, TCP_KEEPCNT, probes},
                    {SOL_SOCKET, SO_KEEPALIVE, 1}};
    for (const auto& [level, option, value] : settings) {
        const Result<void> set = set_option(fd_.get(), level, option, value, what);
        if (!set) return set;
    }
    return {};
}

Result<TcpListener> TcpListener::bind(const InetAddress& address, TcpListenOptions options) {
    const std::string what = "listen on " + address.text();
    Result<OwnedFd> fd = open_socket(address.family(), SOCK_STREAM, what);
    if (!fd) return fd.error();
    struct Setting {
        int level, option;
        bool on, wanted;
    };
    // SO_REUSEADDR: a restart must not wait for the connections of the run before.
    const Setting settings[] = {
        {SOL_SOCKET, SO_REUSEADDR, true, true},
        {SOL_SOCKET, SO_REUSEPORT, true, options.reuse_port},
        {IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only, address.is_v6()},
        {IPPROTO_TCP, TCP_NODELAY, true, options.no_delay},
    };
    for (const Setting& setting : settings) {
        if (!setting.wanted) continue;
        const Result<void> set =
            set_option(fd->get(), setting.level, setting.option, setting.on ? 1 : 0, what);
        if (!set) return set.error();
    }
    if (::bind(fd->get(), address.data(), address.size()) != 0) {
        if (errno == EACCES && address.port() != 0 && address.port() < 1024)
            return Error{"cannot " + what +
                             ": ports below net.ipv4.ip_unprivileged_port_start, as a rule 1024, "
                             "need CAP_NET_BIND_SERVICE",
                         EACCES};
        return io_error(what, errno);
    }
    if (::listen(fd->get(), options.backlog) != 0) return io_error(what, errno);
    return adopt(fd->release());
}

Result<TcpListener> TcpListener::adopt(int fd) {
    OwnedFd owned(fd);
    const Result<InetAddress> local = own_address<InetAddress>(fd);
    if (!local) return local.error().within("cannot take over a listening socket");
    if (!set_non_blocking(fd)) return io_error("take over a listening socket", errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(owned.release());
    if (!adopted) return adopted.error();
    return TcpListener(std::move(*adopted), *local);
}

Task<Result<TcpStream>> TcpListener::accept(Deadline deadline) {
    Accepted accepted;
    const IoOutcome outcome = co_await accept_next(accepted, deadline);
    if (outcome.failure != 0)
        co_return io_error("accept a connection on " + local_.text(), outcome);
    InetAddress peer;
    std::memcpy(peer.data(), &accepted.from, std::min(accepted.size, peer.capacity()));
    peer.filled(accepted.size);
    co_return TcpStream(std::move(accepted.fd), peer);
}

}  // namespace pilotfish::core
