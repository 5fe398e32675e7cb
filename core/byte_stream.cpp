#include "core/byte_stream.h"

#include <sys/socket.h>
#include <unistd.h>

namespace pilotfish::core {

IoOutcome ByteStream::read_once(char* into, std::size_t size) noexcept {
    const int fd = fd_.get();
    if (fd < 0) return {0, kIoClosed};
    const IoOutcome outcome = io_attempt(
        [&] { return kind_ == Kind::socket ? ::recv(fd, into, size, 0) : ::read(fd, into, size); });
    // 0 bytes are the end, which is told to whoever asks again.
    drained_ =
        short_read_drains_ && outcome.count > 0 && static_cast<std::size_t>(outcome.count) < size;
    return outcome;
}

IoOutcome ByteStream::write_once(const char* from, std::size_t size) noexcept {
    const int fd = fd_.get();
    if (fd < 0) return {0, kIoClosed};
    return io_attempt([&] {
        return kind_ == Kind::socket ? ::send(fd, from, size, MSG_NOSIGNAL)
                                     : ::write(fd, from, size);
    });
}

ReadSome ByteStream::read_some(std::span<char> into, Deadline deadline) noexcept {
    PF_CHECK(!into.empty(), "a read of no bytes cannot be told from the end");
    return {this, into.data(), into.size(), deadline_ns(deadline)};
}

ReadExactly ByteStream::read_exactly(std::span<char> into, Deadline deadline) noexcept {
    return {{this, into.data(), into.size(), deadline_ns(deadline)}};
}

WriteSome ByteStream::write_some(std::string_view from, Deadline deadline) noexcept {
    return {this, from.data(), from.size(), deadline_ns(deadline)};
}

WriteAll ByteStream::write_all(std::string_view from, Deadline deadline) noexcept {
    return {{this, from.data(), from.size(), deadline_ns(deadline)}};
}

AsyncFd& ReadSome::descriptor() noexcept { return stream->fd_; }

bool ReadSome::may_be_ready() noexcept { return !stream->is_drained(); }

IoOutcome ReadSome::attempt() noexcept { return stream->read_once(into, size); }

Result<std::size_t> ReadSome::result(const IoOutcome& outcome) {
    if (outcome.failure == 0) return static_cast<std::size_t>(outcome.count);
    return io_error("read from " + stream->peer_name(), outcome);
}

IoOutcome ReadExactly::attempt() noexcept {
    while (done < size) {
        const IoOutcome outcome = stream->read_once(into + done, size - done);
        if (outcome.failure != 0) return outcome;
        if (outcome.count == 0) break;
        done += static_cast<std::size_t>(outcome.count);
        if (done == size) break;
        if (stream->is_drained()) return {0, EAGAIN};
        if (budget_exhausted()) return {0, kIoGiveWay};
    }
    return {static_cast<std::int64_t>(done), 0};
}

AsyncFd& WriteSome::descriptor() noexcept { return stream->fd_; }

IoOutcome WriteSome::attempt() noexcept {
    if (size == 0) return {0, stream->fd_ ? 0 : kIoClosed};
    return stream->write_once(from, size);
}

Result<std::size_t> WriteSome::result(const IoOutcome& outcome) {
    if (outcome.failure == 0) return static_cast<std::size_t>(outcome.count);
    return io_error("write to " + stream->peer_name(), outcome);
}

IoOutcome WriteAll::attempt() noexcept {
    while (done < size) {
        const IoOutcome outcome = stream->write_once(from + done, size - done);
        if (outcome.failure != 0) return outcome;
        done += static_cast<std::size_t>(outcome.count);
        if (done < size && budget_exhausted()) return {0, kIoGiveWay};
    }
    return {static_cast<std::int64_t>(done), stream->fd_ ? 0 : kIoClosed};
}

Result<void> WriteAll::result(const IoOutcome& outcome) {
    if (outcome.failure == 0) return {};
    return io_error("write to " + stream->peer_name(), outcome);
}

}  // namespace pilotfish::core
