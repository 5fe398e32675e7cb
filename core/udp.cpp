#include "core/udp.h"

#include "core/socket_calls.h"

namespace pilotfish::core {

Result<UdpSocket> UdpSocket::bind(const InetAddress& address, bool reuse_port) {
    const std::string what = "receive datagrams on " + address.text();
    Result<OwnedFd> fd = open_socket(address.family(), SOCK_DGRAM, what);
    if (!fd) return fd.error();
    if (reuse_port) {
        const Result<void> set = set_option(fd->get(), SOL_SOCKET, SO_REUSEPORT, 1, what);
        if (!set) return set.error();
    }
    if (::bind(fd->get(), address.data(), address.size()) != 0) return io_error(what, errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (!adopted) return adopted.error();
    return UdpSocket(std::move(*adopted));
}

Result<UdpSocket> UdpSocket::connect(const InetAddress& peer) {
    const std::string what = "send datagrams to " + peer.text();
    Result<OwnedFd> fd = open_socket(peer.family(), SOCK_DGRAM, what);
    if (!fd) return fd.error();
    if (::connect(fd->get(), peer.data(), peer.size()) != 0) return io_error(what, errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (!adopted) return adopted.error();
    return UdpSocket(std::move(*adopted));
}

Result<InetAddress> UdpSocket::local_address() const { return own_address<InetAddress>(fd_.get()); }

}  // namespace pilotfish::core
