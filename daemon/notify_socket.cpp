#include "daemon/notify_socket.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "daemon/proc_stat.h"

namespace pilotfish::daemon {
namespace {

std::string random_name() {
    unsigned char bytes[16];
    // Never short for so few bytes, once the kernel has entropy, for which it waits.
    while (getrandom(bytes, sizeof bytes, 0) < 0 && errno == EINTR) {
    }
    std::string name = "pilotfish/notify/";
    for (const unsigned char byte : bytes) {
        name.push_back("0123456789abcdef"[byte >> 4]);
        name.push_back("0123456789abcdef"[byte & 15]);
    }
    return name;
}

// What came along: who sent it, and descriptors, of which a barrier's is the only one we keep.
void read_control(msghdr& header, ReceivedNotify& received) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET) continue;
        if (part->cmsg_type == SCM_CREDENTIALS) {
            ucred credentials{};
            std::memcpy(&credentials, CMSG_DATA(part), sizeof credentials);
            received.sender = credentials.pid;
        } else if (part->cmsg_type == SCM_RIGHTS) {
            const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t at = 0; at < count; ++at) {
                int descriptor = -1;
                std::memcpy(&descriptor, CMSG_DATA(part) + at * sizeof(int), sizeof(int));
                received.barrier = core::OwnedFd(descriptor);
            }
        }
    }
}

}  // namespace

core::Result<NotifySocket> NotifySocket::open() {
    const std::string what = "make a socket for NOTIFY_SOCKET";
    core::OwnedFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd.get() < 0) return core::system_error(what, errno);
    const std::string name = random_name();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    const int on = 1;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0 ||
        bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
        return core::system_error(what, errno);
    auto adopted = core::AsyncFd::adopt(fd.release());
    if (!adopted) return adopted.error().within(what);
    return NotifySocket(std::move(*adopted), "@" + name);
}

std::optional<ReceivedNotify> NotifySocket::take() {
    char text[kMostNotifyBytes];
    // Room for more descriptors than a barrier's one: what does not fit the kernel closes.
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred)) + CMSG_SPACE(sizeof(int) * 4)];
    iovec piece{text, sizeof text};
    msghdr header{};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    ssize_t size;
    do {
        size = recvmsg(fd_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (size < 0 && errno == EINTR);
    if (size < 0) return std::nullopt;
    ReceivedNotify received;
    read_control(header, received);
    received.too_long = (header.msg_flags & MSG_TRUNC) != 0;
    if (!received.too_long)
        received.message = parse_notify_message({text, static_cast<std::size_t>(size)});
    return received;
}

core::Task<bool> NotifySocket::wait() {
    const core::Wake wake = co_await fd_.readable();
    co_return wake != core::Wake::closed;
}

core::Result<NotifySocket> NotifySocket::adopt(int fd, std::string address) {
    auto adopted = core::AsyncFd::adopt(fd);
    if (!adopted) return adopted.error().within("take over a notify socket");
    return NotifySocket(std::move(*adopted), std::move(address));
}

bool belongs_to_worker(pid_t process, pid_t worker) {
    // As deep as any tree that is no attack: who hides below more ancestors is refused.
    constexpr int kMostAncestors = 64;
    pid_t at = process;
    for (int step = 0; step < kMostAncestors && at > 1; ++step) {
        if (at == worker) return true;
        const auto stat = read_proc_stat(at);
        if (!stat) return false;
        if (stat->group == worker) return true;
        at = stat->parent;
    }
    return false;
}

}  // namespace pilotfish::daemon
