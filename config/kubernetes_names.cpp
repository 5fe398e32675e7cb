#include "config/kubernetes_names.h"

#include <arpa/inet.h>

#include <string>

#include "config/listen_address.h"
#include "config/quantity.h"

namespace pilotfish::config {
namespace {

bool is_port(std::string_view text) {
    std::int64_t port = 0;
    std::string ignored;
    return parse_whole(text, 1, 65535, port, ignored);
}

bool is_address(std::string_view text) {
    const std::string host(text);
    in6_addr ignored;
    return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
           inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

bool is_protocol(std::string_view text) { return text == "tcp" || text == "udp" || text == "sctp"; }

// tcp://10.0.0.1:80, tcp://[fd00::1]:80; the kubelet of some releases leaves the brackets out.
bool is_url(std::string_view text) {
    const std::size_t slashes = text.find("://");
    if (slashes == std::string_view::npos || !is_protocol(text.substr(0, slashes))) return false;
    text.remove_prefix(slashes + 3);
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || !is_port(text.substr(colon + 1))) return false;
    std::string_view host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return is_address(host);
}

// What follows _PORT_ in "80_TCP", "80_TCP_PROTO", ...
bool is_link(std::string_view rest, std::string_view value) {
    const std::size_t after_port = rest.find('_');
    if (after_port == std::string_view::npos || !is_port(rest.substr(0, after_port))) return false;
    rest.remove_prefix(after_port + 1);
    for (const std::string_view protocol : {"TCP", "UDP", "SCTP"}) {
        if (!rest.starts_with(protocol)) continue;
        const std::string_view part = rest.substr(protocol.size());
        if (part.empty()) return is_url(value);
        if (part == "_PROTO") return is_protocol(value);
        if (part == "_PORT") return is_port(value);
        if (part == "_ADDR") return is_address(value);
    }
    return false;
}

}  // namespace

bool is_kubernetes_service_variable(std::string_view name, std::string_view value) {
    if (name.ends_with("_SERVICE_HOST")) return is_address(value);
    if (name.find("_SERVICE_PORT_") != std::string_view::npos || name.ends_with("_SERVICE_PORT")) {
        return is_port(value);
    }
    if (name.ends_with("_PORT") && is_url(value)) return true;
    for (std::size_t at = name.find("_PORT_"); at != std::string_view::npos;
         at = name.find("_PORT_", at + 1)) {
        if (is_link(name.substr(at + 6), value)) return true;
    }
    return false;
}

}  // namespace pilotfish::config
