// Who is at the other end of an accepted socket.
//
// Any thread. Owns nothing. Blocks for a few reads of /proc for a unix socket's peer. Fails: a peer
// of whom nothing is known is nobody special.
#pragma once

#include "http/message.h"

namespace pilotfish::http {

Peer tcp_peer(const sockaddr_storage& address);
Peer unix_peer(int fd);

// For the log: "uid 0, process 12, over the control socket", "127.0.0.1:4711".
std::string describe(const Peer& peer);

}  // namespace pilotfish::http
