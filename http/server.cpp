#include "http/server.h"

#include <utility>

#include "http/guard.h"

namespace pilotfish::http {

struct Server::State {
    State(std::shared_ptr<const Sources> sources, const ServerOptions& options)
        : guard(std::make_shared<Shared>(std::move(sources), options), options) {}

    Guard guard;
};

Server::Server(std::shared_ptr<const Sources> sources, ServerOptions options)
    : state_(std::make_unique<State>(std::move(sources), options)) {}

Server::~Server() = default;

core::Result<void> Server::bind(ListenerKind kind, std::string_view address, unsigned file_mode) {
    core::Result<Listener> listener = Listener::open(address, file_mode);
    if (!listener) return listener.error();
    state_->guard.add_listener(kind, std::move(*listener));
    return {};
}

std::vector<BoundListener> Server::listeners() const { return state_->guard.listeners(); }
core::Result<void> Server::start() { return state_->guard.start(); }
void Server::remove_socket_files() { state_->guard.remove_socket_files(); }
void Server::stop() { state_->guard.stop(); }

}  // namespace pilotfish::http
