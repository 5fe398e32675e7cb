// Pipes: two ends of a queue of bytes in the kernel, 64 KiB deep as a rule.
//
//     Result<Pipe> pipe = make_pipe();
//     const Result<void> written = co_await pipe->writer.write_all("text");
//     const Result<std::size_t> got = co_await pipe->reader.read_some(buffer);   // 0: the end
//
// Reading, writing, thread-safety, ownership, what suspends and how it fails: core/byte_stream.h.
// Writing to a pipe without a reader is an error value (EPIPE). The kernel would also raise
// SIGPIPE, which ends the process by default, and a pipe has no MSG_NOSIGNAL: each new WriteEnd
// therefore installs a handler that does nothing, if SIGPIPE has its default action. A handler and
// not SIG_IGN: programs that are executed begin with the default again. Blocking the signal around
// each write would cost two system calls, and a third to take the signal back.
#pragma once

#include "core/byte_stream.h"
#include "core/owned_fd.h"

namespace pilotfish::core {

class ReadEnd : ByteStream {
  public:
    ReadEnd() = default;
    // Takes over any descriptor that can be polled, as standard input; sets O_NONBLOCK, which
    // everyone who shares the open file will see. Closed when it fails, as it does for regular
    // files.
    static Result<ReadEnd> adopt(int fd);

    using ByteStream::close;
    using ByteStream::descriptor;
    using ByteStream::is_open;
    using ByteStream::read_exactly;
    using ByteStream::read_some;
    std::string peer_name() const override { return "a pipe"; }
    // For a child process: blocking again, and watched no more.
    OwnedFd release() noexcept;

  private:
    friend Result<struct Pipe> make_pipe();
    ReadEnd(AsyncFd fd, bool short_read_drains) noexcept
        : ByteStream(std::move(fd), Kind::pipe, short_read_drains) {}
};

class WriteEnd : ByteStream {
  public:
    WriteEnd() = default;
    static Result<WriteEnd> adopt(int fd);  // as ReadEnd::adopt

    using ByteStream::close;
    using ByteStream::descriptor;
    using ByteStream::is_open;
    using ByteStream::write_all;
    using ByteStream::write_some;
    std::string peer_name() const override { return "a pipe"; }
    OwnedFd release() noexcept;  // as ReadEnd::release

  private:
    friend Result<struct Pipe> make_pipe();
    explicit WriteEnd(AsyncFd fd) noexcept;
};

struct Pipe {
    ReadEnd reader;
    WriteEnd writer;
};

// Both ends close-on-exec.
Result<Pipe> make_pipe();

}  // namespace pilotfish::core
