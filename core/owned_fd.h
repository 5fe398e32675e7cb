// A descriptor with an owner: closed when the owner goes.
//
//     OwnedFd fd(open("/etc/hostname", O_RDONLY | O_CLOEXEC));
//     if (!fd) return system_error("open /etc/hostname", errno);
//
// Thread-safety: as safe as int. Owns the descriptor. Blocks: as long as close(2) does, which is
// not at all for sockets and pipes. Never fails. Nothing watches it: see core/async_fd.h for that.
#pragma once

#include <unistd.h>

#include <utility>

namespace pilotfish::core {

class OwnedFd {
  public:
    OwnedFd() = default;
    explicit OwnedFd(int fd) noexcept : fd_(fd) {}
    OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
    OwnedFd& operator=(OwnedFd&& other) noexcept {
        if (this != &other) {
            close();
            fd_ = other.release();
        }
        return *this;
    }
    ~OwnedFd() { close(); }

    // -1: none.
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    // Gives the descriptor away unclosed.
    int release() noexcept { return std::exchange(fd_, -1); }
    void close() noexcept {
        if (fd_ >= 0) ::close(release());
    }

  private:
    int fd_ = -1;
};

}  // namespace pilotfish::core
