// Where a server listens: host:port, [v6]:port or unix:/path.
//
// Plain value, owns its text. Any thread, never blocks: a host name is not looked up here. Parsing
// fails by false with half a sentence in `why`, as in config/quantity.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pilotfish::config {

struct ListenAddress {
    std::string host = {};       // without brackets; empty: a Unix socket
    std::uint16_t port = 0;      // 0: any free port, the log says which
    std::string unix_path = {};  // absolute, at most 107 bytes (sockaddr_un); empty: TCP

    bool is_unix() const { return !unix_path.empty(); }
    bool operator==(const ListenAddress&) const = default;
};

bool parse_listen_address(std::string_view text, ListenAddress& address, std::string& why);

// The text that parses back to the same address.
std::string format_listen_address(const ListenAddress& address);

}  // namespace pilotfish::config
