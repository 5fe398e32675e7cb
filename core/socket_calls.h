// The socket system calls that more than one kind of socket makes, with their sentences. Internal
// to core/.
//
// Any thread while a Runtime lives. Never block; the caller suspends. Ownership: as said. Fail:
// Result.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <utility>

#include "core/io.h"
#include "core/owned_fd.h"
#include "core/sleep.h"
#include "core/socket_address.h"

namespace pilotfish::core {

// Between two tries of what no edge is given for: 1, 2, 4 .. 64 ms, no longer than until the
// deadline.
class RetryPause {
  public:
    Sleep next(const Deadline& deadline) noexcept {
        TimePoint until = deadline_after(runtime_now(), pause_);
        if (deadline && *deadline < until) until = *deadline;
        pause_ = std::min<Duration>(pause_ * 2, std::chrono::milliseconds(64));
        return sleep_until(until);
    }

  private:
    Duration pause_ = std::chrono::milliseconds(1);
};

// Non-blocking and close-on-exec.
Result<OwnedFd> open_socket(int family, int type, std::string_view what);
// Two unix sockets, connected with one another.
Result<std::pair<AsyncFd, AsyncFd>> socket_pair(int type);
Result<void> set_option(int fd, int level, int option, int value, std::string_view what);
// The own or the other end's address, by getsockname(2) or getpeername(2).
template <class Address>
Result<Address> own_address(int fd) {
    Address address;
    socklen_t size = Address::capacity();
    if (::getsockname(fd, address.data(), &size) != 0)
        return io_error("ask for a socket's own address", errno);
    if (!address.filled(size)) return io_error("use this kind of socket", EAFNOSUPPORT);
    return address;
}
template <class Address>
Result<Address> peer_address_of(int fd) {
    Address address;
    socklen_t size = Address::capacity();
    if (::getpeername(fd, address.data(), &size) != 0)
        return io_error("ask for the address of a socket's peer", errno);
    if (!address.filled(size)) return io_error("use this kind of socket", EAFNOSUPPORT);
    return address;
}
// 0, or why the attempt to connect has failed.
int pending_error(int fd) noexcept;
bool is_connected(int fd) noexcept;
bool set_non_blocking(int fd) noexcept;

}  // namespace pilotfish::core
