// UnixStream: the passing of descriptors (unix(7), SCM_RIGHTS).
#include <cstring>

#include "core/unix_socket.h"

namespace pilotfish::core {
namespace {

constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD

// Room for one message of descriptors, aligned as the CMSG macros want it.
struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(kMostDescriptors * sizeof(int))];
};

IoOutcome send_with(int fd, std::string_view data, std::span<const int> descriptors) noexcept {
    iovec piece{const_cast<char*>(data.data()), data.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    Control control;
    if (!descriptors.empty()) {
        std::memset(&control, 0, sizeof control);
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
        std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
    }
    return io_attempt([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}

void take_descriptors(msghdr& message, Parcel& parcel) {
    for (cmsghdr* header = CMSG_FIRSTHDR(&message); header;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header) + i * sizeof number, sizeof number);
            parcel.descriptors.emplace_back(number);
        }
    }
}

}  // namespace

Task<Result<void>> UnixStream::send_descriptors(std::string_view data,
                                                std::span<const int> descriptors,
                                                Deadline deadline) {
    PF_CHECK(!data.empty(), "descriptors travel with at least one byte");
    PF_CHECK(descriptors.size() <= kMostDescriptors, "one message carries at most 253 descriptors");
    for (;;) {
        if (budget_exhausted()) co_await yield();
        IoOutcome outcome{0, kIoClosed};
        if (fd_) outcome = send_with(fd_.get(), data, descriptors);
        if (would_block(outcome.failure)) {
            const Wake wake = co_await fd_.writable(deadline);
            if (wake == Wake::ready) continue;
            outcome.failure = failure_of(wake);
        }
        if (outcome.failure != 0) co_return io_error("pass descriptors to " + peer_name(), outcome);
        data.remove_prefix(static_cast<std::size_t>(outcome.count));
        descriptors = {};  // they went with the first byte
        if (data.empty()) co_return Result<void>();
    }
}

Task<Result<Parcel>> UnixStream::receive_descriptors(std::span<char> into, Deadline deadline) {
    PF_CHECK(!into.empty(), "a read of no bytes cannot be told from the end");
    // Made before the descriptors are: no room for them afterwards would be a leak.
    Parcel parcel;
    parcel.descriptors.reserve(kMostDescriptors);
    for (;;) {
        if (budget_exhausted()) co_await yield();
        IoOutcome outcome{0, kIoClosed};
        if (fd_) {
            Control control;
            iovec piece{into.data(), into.size()};
            msghdr message{};
            message.msg_iov = &piece;
            message.msg_iovlen = 1;
            message.msg_control = control.bytes;
            message.msg_controllen = sizeof control.bytes;
            outcome = io_attempt([&] { return ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC); });
            if (outcome.failure == 0) {
                take_descriptors(message, parcel);
                parcel.size = static_cast<std::size_t>(outcome.count);
                parcel.descriptors_lost = message.msg_flags & MSG_CTRUNC;
                co_return std::move(parcel);
            }
        }
        if (would_block(outcome.failure)) {
            const Wake wake = co_await fd_.readable(deadline);
            if (wake == Wake::ready) continue;
            outcome.failure = failure_of(wake);
        }
        co_return io_error("receive descriptors from " + peer_name(), outcome);
    }
}

}  // namespace pilotfish::core
