#include "http/server.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "http/guard.h"

namespace pilotfish::http {

struct Server::State {
    State(std::shared_ptr<const Sources> sources, const ServerOptions& options)
        : guard(std::make_shared<Shared>(std::move(sources), options), options) {}

    Guard guard;
    std::vector<BoundListener> inherited;
};

Server::Server(std::shared_ptr<const Sources> sources, ServerOptions options)
    : state_(std::make_unique<State>(std::move(sources), options)) {}

Server::~Server() = default;

core::Result<void> Server::bind(ListenerKind kind, std::string_view address, unsigned file_mode) {
    auto& inherited = state_->inherited;
    const auto known = std::find_if(
        inherited.begin(), inherited.end(),
        [&](const BoundListener& one) { return one.kind == kind && one.asked == address; });
    core::Result<Listener> listener = core::Error{};
    if (known != inherited.end()) {
        listener = Listener::adopt(address, known->fd);
        inherited.erase(known);
    }
    if (!listener) listener = Listener::open(address, file_mode);
    if (!listener) return listener.error();
    state_->guard.add_listener(kind, std::move(*listener));
    return {};
}

void Server::inherit(std::vector<BoundListener> listeners) {
    state_->inherited = std::move(listeners);
}

bool Server::inherits(ListenerKind kind, std::string_view address) const {
    const auto& all = state_->inherited;
    return std::any_of(all.begin(), all.end(), [&](const BoundListener& one) {
        return one.kind == kind && one.asked == address;
    });
}

std::vector<BoundListener> Server::listeners() const { return state_->guard.listeners(); }

core::Result<void> Server::start() {
    for (const BoundListener& unwanted : state_->inherited) close(unwanted.fd);
    state_->inherited.clear();
    return state_->guard.start();
}

void Server::remove_socket_files() { state_->guard.remove_socket_files(); }
void Server::stop() { state_->guard.stop(); }

}  // namespace pilotfish::http
