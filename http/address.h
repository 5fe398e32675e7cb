// Where to listen, as people write it, and the listening socket made from it.
//
// Any thread. A Listener owns its socket and its socket file. Never resolves a name, so it never
// blocks and works without a resolver (static builds); the probe of a stale unix socket is one
// connect on this machine. Fails: a sentence with the address and, for the kernel's refusals,
// errno.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>

#include "core/result.h"

namespace pilotfish::http {

struct Address {
    std::string text;  // as written
    sockaddr_storage socket{};
    socklen_t size = 0;
    std::string unix_path;  // of a unix socket in the file system; else empty

    bool is_unix() const { return socket.ss_family == AF_UNIX; }
};

core::Result<Address> parse_address(std::string_view text);

class Listener {
  public:
    // mode: of a socket file; whoever may write to it may connect.
    static core::Result<Listener> open(std::string_view text, mode_t mode = 0600);
    // One that listens already: the image of this process before handed it over. Closes fd when it
    // fails.
    static core::Result<Listener> adopt(std::string_view text, int fd);

    Listener(Listener&& other) noexcept;
    Listener& operator=(Listener&& other) noexcept;
    ~Listener();

    int fd() const { return fd_; }
    bool is_unix() const { return address_.is_unix(); }
    int port() const;          // 0: a unix socket
    std::string name() const;  // as a client writes it, with the real port
    const std::string& asked() const { return address_.text; }  // as it was written
    // Takes our socket file's name away, if it is still ours; those who are connected stay.
    void remove_file() const;

  private:
    Listener(int fd, Address address) : fd_(fd), address_(std::move(address)) {}
    void know_file();

    int fd_ = -1;
    Address address_;
    dev_t device_ = 0;  // of our socket file, so that only ours is removed
    ino_t inode_ = 0;
};

}  // namespace pilotfish::http
