// A connection of a client command to a daemon: one request and its answer at a time.
//
// One thread. Owns its socket. Blocks: connect, send and receive, each up to the patience given.
// Fails: a sentence that names where the daemon was asked.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/owned_fd.h"
#include "core/result.h"
#include "http/address.h"
#include "http/response_reader.h"

namespace pilotfish::daemon {

class ClientConnection {
  public:
    // where: as people know it, "/run/pilotfish/control.sock".
    static core::Result<ClientConnection> open(const http::Address& address,
                                               const std::string& where,
                                               std::chrono::milliseconds patience);

    // The process at the other end of a unix socket, as it is seen here; 0: not visible, or TCP.
    int peer_pid() const;
    // Its user as it was when it began to listen; nullopt: TCP.
    std::optional<uid_t> peer_user() const;
    int fd() const { return fd_.get(); }
    const std::string& where() const { return where_; }

    // target: "/v1/workers". token: of the bearer; empty: none. The answer then comes by receive().
    core::Result<void> send(std::string_view method, std::string_view target,
                            const std::string& token);
    // Waits for bytes of the answer and appends those of the body. True: the answer is whole.
    core::Result<bool> receive(std::string& body, std::chrono::milliseconds patience);
    // Of the answer: 0 until its head is there.
    int status() const { return reader_.status(); }

    struct Answer {
        int status = 0;
        std::string body;
    };
    // Both, for an answer that is not followed. most: a body that is longer is an error.
    core::Result<Answer> ask(std::string_view method, std::string_view target,
                             const std::string& token, std::chrono::milliseconds patience);

  private:
    ClientConnection(int fd, std::string where) : fd_(fd), where_(std::move(where)) {}

    core::OwnedFd fd_;
    std::string where_;
    http::ResponseReader reader_;
};

}  // namespace pilotfish::daemon
