#include "core/pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "core/socket_calls.h"

namespace pilotfish::core {
namespace {

void handle_sigpipe() noexcept {
    struct sigaction now{};
    if (::sigaction(SIGPIPE, nullptr, &now) != 0 || now.sa_flags & SA_SIGINFO ||
        now.sa_handler != SIG_DFL)
        return;
    struct sigaction nothing{};
    nothing.sa_handler = [](int) {};
    nothing.sa_flags = SA_RESTART;
    ::sigaction(SIGPIPE, &nothing, nullptr);
}

OwnedFd released(AsyncFd& fd) noexcept {
    OwnedFd out(fd.release());
    if (out) ::fcntl(out.get(), F_SETFL, ::fcntl(out.get(), F_GETFL) & ~O_NONBLOCK);
    return out;
}

Result<AsyncFd> watch(int fd, std::string_view what) {
    OwnedFd owned(fd);
    if (!set_non_blocking(fd)) return io_error(what, errno);
    return AsyncFd::adopt(owned.release());
}

}  // namespace

WriteEnd::WriteEnd(AsyncFd fd) noexcept : ByteStream(std::move(fd), Kind::pipe, false) {
    handle_sigpipe();
}

// Another's pipe may be in packet mode, where a read stops at the end of a packet.
Result<ReadEnd> ReadEnd::adopt(int fd) {
    Result<AsyncFd> watched = watch(fd, "take over a descriptor to read from");
    if (!watched) return watched.error();
    return ReadEnd(std::move(*watched), false);
}

Result<WriteEnd> WriteEnd::adopt(int fd) {
    Result<AsyncFd> watched = watch(fd, "take over a descriptor to write to");
    if (!watched) return watched.error();
    return WriteEnd(std::move(*watched));
}

OwnedFd ReadEnd::release() noexcept { return released(fd_); }
OwnedFd WriteEnd::release() noexcept { return released(fd_); }

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return io_error("make a pipe", errno);
    OwnedFd second(ends[1]);
    Result<AsyncFd> reader = AsyncFd::adopt(ends[0]);
    if (!reader) return reader.error();
    Result<AsyncFd> writer = AsyncFd::adopt(second.release());
    if (!writer) return writer.error();
    return Pipe{ReadEnd(std::move(*reader), true), WriteEnd(std::move(*writer))};
}

}  // namespace pilotfish::core
