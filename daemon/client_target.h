// Which daemon a client command means: the control socket it was told of, the default one, those of
// this PID namespace, or an address given by hand.
//
// One thread. Owns what it opens. Blocks: connects to sockets of this machine; to the address given
// by hand up to its patience. Fails: a sentence that says where it looked, and the mend.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "daemon/client_connection.h"
#include "http/address.h"

namespace pilotfish::daemon {

struct ClientWish {
    std::string admin = {};            // --admin
    std::optional<int> pid = {};       // --pid
    std::string control_socket = {};   // PILOTFISH_CONTROL_SOCKET; empty: not set
    std::string token = {};            // PILOTFISH_ADMIN_TOKEN
    std::string token_file = {};       // PILOTFISH_ADMIN_TOKEN_FILE
    std::string default_socket = {};   // /run/pilotfish/control.sock
    std::string abstract_prefix = {};  // of this PID namespace
    std::string sockets = "/proc/net/unix";
};
// As the command line and the environment say.
ClientWish client_wish(const std::string& admin, std::optional<int> pid);

// A daemon that answered once.
struct ClientTarget {
    http::Address address;
    std::string where;
    std::string token;  // shown with each request; empty: none
    core::Result<ClientConnection> open() const;
};

core::Result<ClientTarget> find_daemon(const ClientWish& wish);

// The listening sockets whose names begin so, each once, of the text of /proc/net/unix.
std::vector<std::string> listening_names(std::string_view proc_net_unix, std::string_view prefix);

// "http://127.0.0.1:9911/", "[::1]:9911", "unix:/path": as a listener is written.
core::Result<http::Address> parse_admin_url(std::string_view url);

}  // namespace pilotfish::daemon
