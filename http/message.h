// What a page is asked and what it answers, free of the HTTP library and of sockets.
//
// One thread at a time. Request borrows from the buffer of its connection's job; Response owns all.
// Nothing here blocks or fails.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body_stream.h"
#include "http/head.h"

namespace pilotfish::http {

// What a requester may see and do; each level includes those before it.
enum class Level : std::uint8_t {
    open,     // probes, the index page: hold no data
    metrics,  // figures
    read,     // everything that changes nothing
    admin,    // everything
};

std::string_view level_name(Level level);

// The other end of a connection.
struct Peer {
    sockaddr_storage address{};
    bool unix_socket = false;
    bool loopback = false;  // TCP from 127.0.0.0/8 or ::1
    bool trusted = false;   // a unix socket's peer that is root or our own uid, in our namespaces
    int pid = 0;            // of a unix socket's peer, as we see it; 0: not visible, or TCP
    std::uint32_t uid = 0;  // of a unix socket's peer
};

struct Request {
    std::string method;
    std::string path;  // decoded
    std::vector<std::pair<std::string, std::string>> params;
    const Head* head = nullptr;
    std::string_view body;
    Level level = Level::open;
    std::string name;  // what {name} of the route's path stands for
    const Peer* peer = nullptr;

    std::optional<std::string_view> param(std::string_view key) const;
    // Present and not switched off: ?verbose, ?verbose=1, ?verbose=true.
    bool flag(std::string_view key) const;
};

// What is done once an answer has left, or its reader is gone: on whatever thread lets go of it
// last, so it must not block. For what would cut the answer off, as a shutdown does.
class Afterwards {
  public:
    Afterwards() = default;
    explicit Afterwards(std::function<void()> act) : act_(std::move(act)) {}
    Afterwards(Afterwards&& other) noexcept : act_(std::exchange(other.act_, nullptr)) {}
    Afterwards& operator=(Afterwards&& other) noexcept {
        std::swap(act_, other.act_);
        return *this;
    }
    ~Afterwards() { now(); }
    void now() {
        if (const auto act = std::exchange(act_, nullptr)) act();
    }

  private:
    std::function<void()> act_;
};

struct Response {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;
    std::unique_ptr<BodyStream> stream;  // instead of body
    Afterwards after;
};

std::string_view reason_phrase(int status);

Response text_response(int status, std::string body);
Response json_response(std::string body);
// application/problem+json, or Go's plain text with X-Go-Pprof for paths under /debug/pprof.
Response problem_response(int status, std::string_view path, std::string detail);

}  // namespace pilotfish::http
