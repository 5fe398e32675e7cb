// Bytes in order, read and written: what TcpStream, UnixStream and the ends of a pipe have in
// common.
//
//     char buffer[4096];
//     const Result<std::size_t> got = co_await stream.read_some(buffer);   // 0: the end
//     if (!got) co_return got.error();
//     const Result<void> sent = co_await stream.write_all({buffer, *got}, deadline);
//
// Few system calls: a request and its answer cost one read and one write. A read that brought less
// than was asked for has emptied the socket, so the next one goes to wait without asking: whatever
// comes later raises an edge of its own (epoll(7), question 9). Two things lie behind data without
// one: the end (or an error) that was told together with it, and what follows urgent data, at which
// a read stops. Both were told in an edge (EPOLLRDHUP, EPOLLHUP, EPOLLERR, EPOLLPRI), after which
// nothing is skipped any more. Unix sockets also stop short at descriptors that were passed, so
// theirs is never skipped.
//
// Thread-safety: one task reads and one task writes at a time, in any threads. close(), moving and
// destruction: when no other task uses it; shutdown() of a socket is how one task ends the waits of
// another. A task parked in an operation when close() is called, in the same thread or with its
// wait known to have begun, hears an error of kind closed. Ownership: owns its descriptor, borrows
// buffers until the co_await is over. Suspends: the four operations. Fails: Result with a sentence;
// a deadline that came first is an error of kind timed_out, and what write_all and read_exactly had
// moved until then is lost to the caller: after an error the stream is of no more use but to be
// closed.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/io.h"

namespace pilotfish::core {

class ByteStream;

// The operations: made by ByteStream's functions and awaited at once.
struct [[nodiscard]] ReadSome {
    static constexpr Direction kDirection = Direction::read;
    ByteStream* stream;
    char* into;
    std::size_t size;
    std::int64_t deadline_ns;

    AsyncFd& descriptor() noexcept;
    bool may_be_ready() noexcept;
    IoOutcome attempt() noexcept;
    Result<std::size_t> result(const IoOutcome& outcome);
    IoAwait<ReadSome> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<ReadSome>(*this, where);
    }
};

struct [[nodiscard]] ReadExactly : ReadSome {
    std::size_t done = 0;

    IoOutcome attempt() noexcept;
    IoAwait<ReadExactly> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<ReadExactly>(*this, where);
    }
};

struct [[nodiscard]] WriteSome {
    static constexpr Direction kDirection = Direction::write;
    ByteStream* stream;
    const char* from;
    std::size_t size;
    std::int64_t deadline_ns;

    AsyncFd& descriptor() noexcept;
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept;
    Result<std::size_t> result(const IoOutcome& outcome);
    IoAwait<WriteSome> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<WriteSome>(*this, where);
    }
};

struct [[nodiscard]] WriteAll : WriteSome {
    std::size_t done = 0;

    IoOutcome attempt() noexcept;
    Result<void> result(const IoOutcome& outcome);
    IoAwait<WriteAll> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<WriteAll>(*this, where);
    }
};

class ByteStream {
  public:
    ByteStream() = default;
    ByteStream(ByteStream&&) noexcept = default;
    ByteStream& operator=(ByteStream&&) noexcept = default;
    virtual ~ByteStream() = default;

    // Some bytes, at least one; 0: the end. Requires: into is not empty.
    ReadSome read_some(std::span<char> into, Deadline deadline = {}) noexcept;
    // All of into, or fewer bytes when the end came before.
    ReadExactly read_exactly(std::span<char> into, Deadline deadline = {}) noexcept;
    // As many bytes as there is room for, at least one of a text that is not empty.
    WriteSome write_some(std::string_view from, Deadline deadline = {}) noexcept;
    WriteAll write_all(std::string_view from, Deadline deadline = {}) noexcept;

    bool is_open() const noexcept { return static_cast<bool>(fd_); }
    void close() noexcept { fd_.close(); }
    // For what this class does not do, such as ioctl(2) and setsockopt(2); -1 once closed.
    int descriptor() const noexcept { return fd_.get(); }
    // Whom it speaks with, as sentences name it.
    virtual std::string peer_name() const { return "a stream"; }

  protected:
    enum class Kind : std::uint8_t { socket, pipe };
    // short_read_drains: a read that brought less than asked for has taken all there was.
    ByteStream(AsyncFd fd, Kind kind, bool short_read_drains) noexcept
        : fd_(std::move(fd)), kind_(kind), short_read_drains_(short_read_drains) {}

    AsyncFd fd_;

  private:
    friend ReadSome;
    friend ReadExactly;
    friend WriteSome;
    friend WriteAll;
    // True: the last read has emptied it, and nothing but data was told of since. Asked once a
    // read: a wait that ends without one may have consumed an edge.
    bool is_drained() noexcept { return std::exchange(drained_, false) && fd_.only_data_so_far(); }
    IoOutcome read_once(char* into, std::size_t size) noexcept;
    IoOutcome write_once(const char* from, std::size_t size) noexcept;

    Kind kind_ = Kind::socket;
    bool short_read_drains_ = false;
    bool drained_ = false;  // by the last read; belongs to the reading task
};

}  // namespace pilotfish::core
