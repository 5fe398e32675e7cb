// What listens: the part of TcpListener and UnixListener that is the same.
//
// When descriptors or memory have run out, accept() says so as an error, and the next accept()
// waits before it asks again: 5 ms at first, doubled up to 1 s (as Go's net/http does), so that a
// loop that reports the error and goes on does not spin. The connections wait in the kernel
// meanwhile.
//
// Thread-safety: one task accepts at a time; shutdown() from any task while the listener is open;
// close(), moving and destruction when no other task uses it. Ownership: owns its descriptor.
// Suspends: accept_next. Fails: Result; connections that were gone before they could be accepted
// are passed over.
#pragma once

#include <sys/socket.h>

#include "core/clock.h"
#include "core/io.h"

namespace pilotfish::core {

class Listener {
  public:
    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept { fd_.close(); }
    // Connects and accepts no more: accept() says so with an error of kind closed, one that waits
    // now too. The descriptor stays open.
    void shutdown() noexcept;
    int descriptor() const noexcept { return fd_.get(); }

  protected:
    struct Accepted {
        AsyncFd fd;
        sockaddr_storage from{};
        socklen_t size = 0;
    };

    Listener() = default;
    explicit Listener(AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    Listener(Listener&&) noexcept = default;
    Listener& operator=(Listener&&) noexcept = default;
    ~Listener() = default;

    // The next connection, or why there is none, which the caller puts into a sentence.
    Task<IoOutcome> accept_next(Accepted& accepted, Deadline deadline);

    AsyncFd fd_;

  private:
    Duration pause_{0};  // before the next try; 0: none
};

}  // namespace pilotfish::core
