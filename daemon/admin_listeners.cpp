#include "daemon/admin_listeners.h"

#include "core/log.h"

namespace pilotfish::daemon {
namespace {

core::Result<void> bind_all(http::Server& server, http::ListenerKind kind,
                            const config::Listeners& listeners) {
    for (const config::ListenAddress& address : listeners) {
        auto bound = server.bind(kind, config::format_listen_address(address));
        if (!bound) return bound;
    }
    return {};
}

}  // namespace

http::ServerOptions server_options(const config::Settings& settings) {
    http::ServerOptions options;
    options.admin_token = {settings.admin_token.text, settings.admin_token_file};
    options.read_token = {settings.read_token.text, settings.read_token_file};
    return options;
}

core::Result<void> bind_listeners(http::Server& server,
                                  const config::Configuration& configuration) {
    const config::Settings& settings = configuration.settings;
    if (auto bound = bind_all(server, http::ListenerKind::probe, settings.probe_listen); !bound) {
        return bound.error().within("PILOTFISH_PROBE_LISTEN");
    }
    if (auto bound = bind_all(server, http::ListenerKind::metrics, settings.metrics_listen);
        !bound) {
        return bound.error().within("PILOTFISH_METRICS_LISTEN");
    }
    auto bound = bind_all(server, http::ListenerKind::admin, settings.admin_listen);
    if (bound) return {};
    if (configuration.is_set("ADMIN_LISTEN")) return bound.error().within("PILOTFISH_ADMIN_LISTEN");
    core::log(core::LogLevel::warn, "daemon",
              "going on without the admin plane: " + bound.error().message +
                  "; set PILOTFISH_ADMIN_LISTEN to another address, or to off");
    return {};
}

}  // namespace pilotfish::daemon
