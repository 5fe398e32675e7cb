// TCP: TcpListener and TcpStream.
//
//     Result<TcpListener> listener = TcpListener::bind(InetAddress::any_v6(8080));
//     for (;;) {
//         Result<TcpStream> stream = co_await listener->accept();
//         if (!stream) { report(stream.error()); continue; }     // does not spin
//         spawn(serve(std::move(*stream))).detach();
//     }
//
//     const Deadline soon = runtime_now() + 2s;
//     Result<TcpStream> stream = co_await TcpStream::connect(address, soon);
//
// Reading, writing and who may close: core/byte_stream.h. Nagle's algorithm is off unless asked
// for, as in Go: a program that writes whole messages only loses by it.
//
// Thread-safety: core/byte_stream.h and core/listener.h; bind() and adopt() anywhere while a
// Runtime lives. Ownership: each owns its descriptor. Suspends: accept, connect, and a stream's
// operations. Fails: Result with a sentence.
#pragma once

#include "core/byte_stream.h"
#include "core/listener.h"
#include "core/socket_address.h"

namespace pilotfish::core {

class TcpStream : public ByteStream {
  public:
    TcpStream() = default;
    // Suspends until the connection stands. A deadline that comes first leaves nothing behind.
    static Task<Result<TcpStream>> connect(InetAddress address, Deadline deadline = {});
    // Takes over a connected socket, as from a parent or over a unix socket; sets O_NONBLOCK. The
    // descriptor is closed when it fails.
    static Result<TcpStream> adopt(int fd);

    const InetAddress& peer_address() const noexcept { return peer_; }
    Result<InetAddress> local_address() const;
    std::string peer_name() const override { return peer_.text(); }

    // The peer reads the end; reading goes on.
    Result<void> shutdown_write();
    // Both directions, at once for the peer and for the tasks that wait. From any task.
    void shutdown() noexcept;
    // Closes so that the peer reads "connection reset" instead of the end; what has not been sent
    // is dropped.
    void reset() noexcept;
    Result<void> no_delay(bool on);
    // Asks a silent peer after `idle`, then each `interval`; `probes` without an answer end the
    // connection. Whole seconds, at least one.
    Result<void> keep_alive(std::chrono::seconds idle, std::chrono::seconds interval, int probes);

  private:
    friend class TcpListener;
    TcpStream(AsyncFd fd, const InetAddress& peer) noexcept
        : ByteStream(std::move(fd), Kind::socket, true), peer_(peer) {}

    InetAddress peer_;
};

struct TcpListenOptions {
    int backlog = 1024;       // connections the kernel holds; at most net.core.somaxconn
    bool reuse_port = false;  // several listeners, in several tasks or processes, share the port
    bool v6_only = false;     // of an IPv6 address: IPv4 is not meant
    bool no_delay = true;     // of the connections accepted: the kernel hands it on, at no cost
};

class TcpListener : public Listener {
  public:
    TcpListener() = default;
    // Port 0: one the kernel chooses; see local_address().
    static Result<TcpListener> bind(const InetAddress& address, TcpListenOptions options = {});
    // Takes over a listening socket, as from systemd; sets O_NONBLOCK.
    static Result<TcpListener> adopt(int fd);

    Task<Result<TcpStream>> accept(Deadline deadline = {});
    const InetAddress& local_address() const noexcept { return local_; }

  private:
    TcpListener(AsyncFd fd, const InetAddress& local) noexcept
        : Listener(std::move(fd)), local_(local) {}

    InetAddress local_;
};

}  // namespace pilotfish::core
