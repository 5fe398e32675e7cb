// Datagrams sent and received: what UdpSocket and UnixDatagram have in common.
//
//     char buffer[1500];
//     const Result<Datagram<InetAddress>> got = co_await socket.receive_from(buffer);
//     const Result<void> sent = co_await socket.send_to({buffer, got->size}, got->from);
//
// A datagram may be empty: 0 bytes are no end. What does not fit into the buffer is lost, and said
// to be.
//
// Thread-safety, ownership: as core/byte_stream.h; one task receives and one task sends at a time.
// Suspends: send while the socket's own buffer is full, receive. Fails: Result; an error that the
// network reported about an earlier datagram (connection refused, on a connected socket) is an
// error of the next operation, after which the socket goes on.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/io.h"

namespace pilotfish::core {

template <class Address>
struct Datagram {
    std::size_t size = 0;  // bytes in the buffer
    Address from;
    bool truncated = false;  // it was longer than the buffer
};

template <class Address>
struct [[nodiscard]] ReceiveDatagram {
    static constexpr Direction kDirection = Direction::read;
    AsyncFd* fd;
    char* into;
    std::size_t size;
    std::int64_t deadline_ns;
    Address from = {};

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept {
        if (!*fd) return {0, kIoClosed};
        socklen_t filled = 0;
        // MSG_TRUNC: the datagram's own size is returned.
        const IoOutcome outcome = io_attempt([&] {
            filled = Address::capacity();
            return ::recvfrom(fd->get(), into, size, MSG_TRUNC, from.data(), &filled);
        });
        if (outcome.failure == 0) from.filled(filled);
        return outcome;
    }
    Result<Datagram<Address>> result(const IoOutcome& outcome) {
        if (outcome.failure != 0) return io_error("receive a datagram", outcome);
        const auto sent = static_cast<std::size_t>(outcome.count);
        return Datagram<Address>{sent < size ? sent : size, from, sent > size};
    }
    IoAwait<ReceiveDatagram> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<ReceiveDatagram>(*this, where);
    }
};

template <class Address>
struct [[nodiscard]] SendDatagram {
    static constexpr Direction kDirection = Direction::write;
    AsyncFd* fd;
    const char* data;
    std::size_t size;
    std::int64_t deadline_ns;
    const Address* to;  // nullptr: the peer of a connected socket

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept {
        if (!*fd) return {0, kIoClosed};
        return io_attempt([&] {
            return ::sendto(fd->get(), data, size, MSG_NOSIGNAL, to ? to->data() : nullptr,
                            to ? to->size() : 0);
        });
    }
    Result<void> result(const IoOutcome& outcome) {
        if (outcome.failure == 0) return {};
        std::string what = "send a datagram of " + std::to_string(size) + " bytes";
        if (to) what += " to " + to->text();
        return io_error(what, outcome);
    }
    IoAwait<SendDatagram> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<SendDatagram>(*this, where);
    }
};

template <class Address>
class DatagramSocket {
  public:
    ReceiveDatagram<Address> receive_from(std::span<char> into, Deadline deadline = {}) noexcept {
        return {&fd_, into.data(), into.size(), deadline_ns(deadline)};
    }
    // To the peer of connect().
    SendDatagram<Address> send(std::string_view data, Deadline deadline = {}) noexcept {
        return {&fd_, data.data(), data.size(), deadline_ns(deadline), nullptr};
    }

    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept { fd_.close(); }
    int descriptor() const noexcept { return fd_.get(); }

  protected:
    DatagramSocket() = default;
    explicit DatagramSocket(AsyncFd fd) noexcept : fd_(std::move(fd)) {}
    DatagramSocket(DatagramSocket&&) noexcept = default;
    DatagramSocket& operator=(DatagramSocket&&) noexcept = default;
    ~DatagramSocket() = default;

    AsyncFd fd_;
};

}  // namespace pilotfish::core
