// Connected pairs and small tasks for the tests of streams and listeners. Ports are the kernel's
// choice.
#pragma once

#include <string>

#include "core/sleep.h"
#include "core/tcp.h"
#include "tests/core/read_all.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {

inline TcpListener listen_somewhere(TcpListenOptions options = {}) {
    Result<TcpListener> listener = TcpListener::bind(InetAddress::loopback(0), options);
    PF_CHECK(listener.ok(), "a port of loopback");
    return std::move(*listener);
}

struct Ends {
    TcpStream client;
    TcpStream server;
};

inline Task<Ends> connected() {
    TcpListener listener = listen_somewhere();
    Result<TcpStream> client = co_await TcpStream::connect(listener.local_address());
    PF_CHECK(client.ok(), client.error().message);
    Result<TcpStream> server = co_await listener.accept();
    PF_CHECK(server.ok(), server.error().message);
    Ends ends{std::move(*client), std::move(*server)};
    co_return std::move(ends);
}

inline Task<> echo(TcpStream stream) {
    char buffer[4096];
    for (;;) {
        const Result<std::size_t> got = co_await stream.read_some(buffer);
        if (!got || *got == 0) co_return;
        const Result<void> sent = co_await stream.write_all({buffer, *got});
        if (!sent) co_return;
    }
}

inline Task<std::string> reads(TcpStream& stream, Deadline deadline = {}) {
    char buffer[64];
    const Result<std::size_t> got = co_await stream.read_some(buffer, deadline);
    if (!got) co_return got.error().message;
    co_return std::string(buffer, *got);
}

// Lets the poller deliver what the kernel has told, and everything else run.
inline Task<> let_peers_run() {
    for (int i = 0; i < 3; ++i) co_await sleep_for(std::chrono::milliseconds(1));
}

}  // namespace pilotfish::core
