#include "daemon/probe.h"

#include <netinet/in.h>

#include <chrono>
#include <string_view>
#include <utility>

#include "daemon/client_connection.h"

namespace pilotfish::daemon {
namespace {

// Kubernetes' default probe timeout is one second; a little more lets its own verdict come first.
constexpr std::chrono::milliseconds kTimeout{2'000};

// The loopback address of the same family where the daemon listens on all addresses.
core::Result<http::Address> address_to_ask(const config::ListenAddress& listen) {
    core::Result<http::Address> address =
        http::parse_address(config::format_listen_address(listen));
    if (!address) return address;
    if (address->socket.ss_family == AF_INET) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(address->socket);
        if (v4.sin_addr.s_addr == htonl(INADDR_ANY)) v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    } else if (address->socket.ss_family == AF_INET6) {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(address->socket);
        if (IN6_IS_ADDR_UNSPECIFIED(&v6.sin6_addr)) v6.sin6_addr = in6addr_loopback;
    }
    return address;
}

std::string_view path_of(config::ProbeKind kind) {
    switch (kind) {
        case config::ProbeKind::livez: return "/livez";
        case config::ProbeKind::readyz: return "/readyz";
        case config::ProbeKind::startupz: return "/startupz";
    }
    return "/livez";
}

}  // namespace

core::Result<ProbeAnswer> ask_probe(const config::Settings& settings, config::ProbeKind kind) {
    const config::Listeners& listeners =
        settings.probe_listen.empty() ? settings.admin_listen : settings.probe_listen;
    if (listeners.empty()) {
        return core::Error{
            "cannot ask the daemon: PILOTFISH_ADMIN_LISTEN is off and PILOTFISH_PROBE_LISTEN is "
            "not set; set one of them"};
    }
    const config::ListenAddress& address = listeners.front();
    const std::string where = config::format_listen_address(address);
    const core::Result<http::Address> asked = address_to_ask(address);
    if (!asked) return asked.error();
    core::Result<ClientConnection> connection = ClientConnection::open(*asked, where, kTimeout);
    if (!connection) return connection.error();
    const std::string path = std::string(path_of(kind)) + "?verbose";
    auto answer = connection->ask("GET", path, {}, kTimeout);
    if (!answer) return answer.error();
    return ProbeAnswer{answer->status == 200, std::move(answer->body)};
}

}  // namespace pilotfish::daemon
