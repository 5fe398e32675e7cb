// Unix datagrams: in order and never dropped; a full receiver holds its senders up.
//
//     Result<UnixDatagram> socket = UnixDatagram::bind(*UnixAddress::parse("@queue"));
//     Result<UnixDatagram> client = UnixDatagram::connect(address);
//     const Result<void> sent = co_await client->send("job 7");
//
// Receiving, thread-safety, how it fails: core/datagram.h. Ownership: owns its descriptor; a socket
// file that bind() makes is the caller's to remove. Suspends: receive; send, until the receiver has
// room. The kernel tells a socket that is not connected of no such room: send_to asks again after
// 1, 2, 4 .. 64 ms.
#pragma once

#include <utility>

#include "core/datagram.h"
#include "core/socket_address.h"

namespace pilotfish::core {

class UnixDatagram : public DatagramSocket<UnixAddress> {
  public:
    UnixDatagram() = default;
    static Result<UnixDatagram> bind(const UnixAddress& address);
    // Without an address of its own: nobody can answer it.
    static Result<UnixDatagram> connect(const UnixAddress& peer);
    static Result<std::pair<UnixDatagram, UnixDatagram>> pair();

    Task<Result<void>> send_to(std::string_view data, UnixAddress to, Deadline deadline = {});
    // Gives the socket the peer of send(), whose answers alone it then receives.
    Result<void> connect_to(const UnixAddress& peer);

  private:
    explicit UnixDatagram(AsyncFd fd) noexcept : DatagramSocket(std::move(fd)) {}
};

}  // namespace pilotfish::core
