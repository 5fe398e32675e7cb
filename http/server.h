// The admin plane: an HTTP/1.1 server on threads of its own that answers while every processor of
// the scheduler is stuck. http/README.md says how it works and lists routes and metrics.
//
//     Server server(sources, options);
//     server.bind(ListenerKind::admin, "127.0.0.1:9911");   // before the first worker's exec
//     server.start();                                        // after it
//     ...
//     server.stop();                                         // also done by the destructor
//
// Threads: bind, start and stop are called by one thread at a time. start() makes one thread,
// which blocks all signals but those of its own faults; two more come with the first request that
// needs them. Without connections none of them ever wakes up.
// Ownership: owns listeners, connections and threads; shares the sources.
// Blocks: bind never resolves names; stop returns within milliseconds, or after
// ServerOptions::stop_patience when a source function does not return: its thread is then left
// behind, and touches nothing but the shared sources.
// Fails: bind with a sentence that names the address, and system_errno (EADDRINUSE when taken).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "http/sources.h"

namespace pilotfish::http {

// What a listener serves. Anything else is 404 there.
enum class ListenerKind : std::uint8_t {
    admin,    // every route
    probe,    // /livez /healthz /readyz /startupz
    metrics,  // /metrics, to anybody
};

// A bearer token: the value, or a file that is looked at again when it changes (a mounted secret).
// Both empty: no such token, and no request has it.
struct TokenSetting {
    std::string value;
    std::string file;
};

struct ServerOptions {
    TokenSetting admin_token;
    TokenSetting read_token;

    // The guard's caps; reasons and sources in http/README.md.
    std::size_t head_bytes_max = 16 * 1024;
    std::size_t headers_max = 100;
    std::size_t body_bytes_max = 64 * 1024;
    std::size_t connections_max = 256;                 // for each ListenerKind
    std::chrono::milliseconds head_timeout{5'000};     // from a request's first byte to its last
    std::chrono::milliseconds idle_timeout{75'000};    // between requests of one connection
    std::chrono::milliseconds answer_timeout{10'000};  // in the pool, before 503
    std::chrono::milliseconds write_timeout{20'000};   // without the reader taking a byte
    std::chrono::milliseconds stream_pulse{15'000};    // a stream that waits is asked again
    std::chrono::milliseconds linger_timeout{1'000};   // after a refusal, for the client to read it
    std::chrono::milliseconds stop_patience{200};
};

struct BoundListener {
    ListenerKind kind = ListenerKind::admin;
    std::string address;     // as a client writes it, with the real port: "127.0.0.1:9911"
    int port = 0;            // 0: a unix socket
    int fd = -1;             // borrowed
    std::string asked = {};  // the address as bind() was given it
};

class Server {
  public:
    Server(std::shared_ptr<const Sources> sources, ServerOptions options);
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    // address: "host:port" (a numeric IPv4 address or localhost), "[v6]:port" ([::] takes IPv4
    // too), "unix:/path" (mode 0600; a socket file nobody answers on is replaced), "unix:@name"
    // (abstract). Port 0 lets the kernel choose. Requires: not started.
    // file_mode: of a unix socket's file.
    core::Result<void> bind(ListenerKind kind, std::string_view address, unsigned file_mode = 0600);
    // Sockets that listen already, of the image of this process before: bind() takes the one of its
    // kind and address, start() closes those that nobody asked for. Owned from here on.
    void inherit(std::vector<BoundListener> listeners);
    // bind() would take one over.
    bool inherits(ListenerKind kind, std::string_view address) const;
    std::vector<BoundListener> listeners() const;

    // Requires: not started before. Without a listener it does nothing.
    core::Result<void> start();
    void stop();
    // Of a process that ends without stop(): the one thing that would stay behind. Any thread,
    // while nobody binds or stops.
    void remove_socket_files();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace pilotfish::http
