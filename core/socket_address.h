// Where a socket is: InetAddress (IPv4 and IPv6, with port and scope) and UnixAddress (a path in
// the file system or an abstract name), to and from text and the kernel's structures.
//
//     Result<InetAddress> address = InetAddress::parse("[fe80::1%eth0]:8080");
//     Result<UnixAddress> local = UnixAddress::parse("@pilotfish");
//
// Two types, so that what takes one of them cannot be given the other. Names are never looked up:
// parsing never blocks and works without a resolver.
//
// Thread-safety: plain values, as safe as int. Own their text. Never block, never suspend. Fail: a
// sentence from parse() and at_path().
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/result.h"

namespace pilotfish::core {

class InetAddress {
  public:
    // 0.0.0.0:0.
    InetAddress() noexcept;
    // "127.0.0.1:80", "[::1]:80", "[fe80::1%eth0]:80", "[fe80::1%2]:80", "localhost:80" (which is
    // 127.0.0.1), ":80" (every address, IPv4's too). A scope is the name or number of an interface
    // this machine has.
    static Result<InetAddress> parse(std::string_view text);
    static InetAddress loopback(std::uint16_t port) noexcept;     // 127.0.0.1
    static InetAddress loopback_v6(std::uint16_t port) noexcept;  // ::1
    static InetAddress any(std::uint16_t port) noexcept;          // 0.0.0.0
    static InetAddress any_v6(std::uint16_t port) noexcept;       // ::

    bool is_v6() const noexcept { return address_.family == AF_INET6; }
    std::uint16_t port() const noexcept;
    InetAddress with_port(std::uint16_t port) const noexcept;
    std::uint32_t scope() const noexcept;  // index of the interface; 0: none, or IPv4
    bool is_loopback() const noexcept;
    bool is_any() const noexcept;
    // As parse() takes it; the scope as a number.
    std::string text() const;
    bool operator==(const InetAddress& other) const noexcept;

    // For the system calls. One that fills an address in is given data() and capacity(), and then
    // filled() the size that it said: the address is 0.0.0.0:0 when that was none of the internet.
    int family() const noexcept { return address_.family; }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&address_); }
    socklen_t size() const noexcept { return is_v6() ? sizeof(sockaddr_in6) : sizeof(sockaddr_in); }
    static constexpr socklen_t capacity() noexcept { return sizeof(sockaddr_in6); }
    bool filled(socklen_t size) noexcept;

  private:
    union Address {
        sa_family_t family;
        sockaddr_in v4;
        sockaddr_in6 v6;
    } address_;
};

class UnixAddress {
  public:
    // No name: what a socket that was never bound has.
    UnixAddress() noexcept;
    // "/run/x.sock" or "x.sock" is a path, "@name" an abstract name of this network namespace.
    static Result<UnixAddress> parse(std::string_view text);
    static Result<UnixAddress> at_path(std::string_view path);
    // Any bytes, NULs too.
    static Result<UnixAddress> abstract(std::string_view name);

    bool is_unnamed() const noexcept;
    bool is_abstract() const noexcept;
    // The path or the abstract name; empty: unnamed.
    std::string_view name() const noexcept;
    // As parse() takes it; unprintable bytes as \xNN; "(unnamed)".
    std::string text() const;
    bool operator==(const UnixAddress& other) const noexcept;

    // As InetAddress; unnamed when nothing was filled in.
    static constexpr int family() noexcept { return AF_UNIX; }
    const sockaddr* data() const noexcept { return reinterpret_cast<const sockaddr*>(&address_); }
    sockaddr* data() noexcept { return reinterpret_cast<sockaddr*>(&address_); }
    socklen_t size() const noexcept { return size_; }
    static constexpr socklen_t capacity() noexcept { return sizeof(sockaddr_un); }
    bool filled(socklen_t size) noexcept;

  private:
    sockaddr_un address_;
    socklen_t size_;
};

}  // namespace pilotfish::core
