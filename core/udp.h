// UDP: datagrams over IPv4 and IPv6.
//
//     Result<UdpSocket> socket = UdpSocket::bind(InetAddress::any_v6(53));
//     Result<UdpSocket> client = UdpSocket::connect(server);       // send(), and errors come back
//
// Receiving, thread-safety, ownership, what suspends and how it fails: core/datagram.h.
#pragma once

#include "core/datagram.h"
#include "core/socket_address.h"

namespace pilotfish::core {

class UdpSocket : public DatagramSocket<InetAddress> {
  public:
    UdpSocket() = default;
    // Port 0: one the kernel chooses.
    static Result<UdpSocket> bind(const InetAddress& address, bool reuse_port = false);
    // Sends to this peer and receives from no other. Sends nothing by itself.
    static Result<UdpSocket> connect(const InetAddress& peer);

    // `to` and data must stay until the co_await is over.
    SendDatagram<InetAddress> send_to(std::string_view data, const InetAddress& to,
                                      Deadline deadline = {}) noexcept {
        return {&fd_, data.data(), data.size(), deadline_ns(deadline), &to};
    }
    Result<InetAddress> local_address() const;

  private:
    explicit UdpSocket(AsyncFd fd) noexcept : DatagramSocket(std::move(fd)) {}
};

}  // namespace pilotfish::core
