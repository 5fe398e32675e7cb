#include "config/listen_address.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include "config/quantity.h"

namespace pilotfish::config {
namespace {

bool is_v6(const std::string& host) {
    in6_addr ignored;
    return inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

// A dotted quad, or a name by RFC 1123; digits and dots alone must be a quad ("10.0.0" is a slip).
bool is_v4_or_name(const std::string& host) {
    in_addr ignored;
    if (inet_pton(AF_INET, host.c_str(), &ignored) == 1) return true;
    if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.')
        return false;
    bool has_letter = false;
    for (const char c : host) {
        const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.') return false;
        has_letter |= letter;
    }
    return has_letter;
}

bool parse_unix(std::string_view path, ListenAddress& address, std::string& why) {
    if (!path.starts_with('/')) {
        why = "has a socket path that does not begin with /";
        return false;
    }
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        why = "has a socket path of more than 107 bytes";
        return false;
    }
    address = {.unix_path = std::string(path)};
    return true;
}

}  // namespace

bool parse_listen_address(std::string_view text, ListenAddress& address, std::string& why) {
    if (text.starts_with("unix:")) return parse_unix(text.substr(5), address, why);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        why = "has no port";
        return false;
    }
    std::string_view host = text.substr(0, colon);
    std::int64_t port = 0;
    if (!parse_whole(text.substr(colon + 1), 0, 65535, port, why)) {
        why = "has no port from 0 to 65535 after the last colon";
        return false;
    }
    if (host.empty()) {
        why = "has no host: [::]" + std::string(text) + " listens on all addresses";
        return false;
    }
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const std::string name(host);
    if (bracketed ? !is_v6(name) : !is_v4_or_name(name)) {
        why = !bracketed && is_v6(name) ? "has an IPv6 address without its brackets"
                                        : "has a host that is neither an address nor a name";
        return false;
    }
    address = {.host = name, .port = static_cast<std::uint16_t>(port)};
    return true;
}

std::string format_listen_address(const ListenAddress& address) {
    if (address.is_unix()) return "unix:" + address.unix_path;
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

}  // namespace pilotfish::config
