#include "core/unix_socket.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

#include "core/sleep.h"
#include "core/socket_calls.h"

namespace pilotfish::core {

Task<Result<UnixStream>> UnixStream::connect(UnixAddress address, Deadline deadline) {
    const std::string what = "connect to " + address.text();
    Result<OwnedFd> fd = open_socket(AF_UNIX, SOCK_STREAM, what);
    if (!fd) co_return fd.error();
    RetryPause pause;
    for (;;) {
        const IoOutcome outcome =
            io_attempt([&] { return ::connect(fd->get(), address.data(), address.size()); });
        if (outcome.failure == 0) break;
        if (!would_block(outcome.failure)) co_return io_error(what, outcome);
        const Sleep sleep = pause.next(deadline);
        co_await sleep;
        if (deadline && runtime_now() >= *deadline)
            co_return io_error(what, IoOutcome{0, kIoTimedOut});
    }
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (!adopted) co_return adopted.error().within("cannot " + what);
    co_return UnixStream(std::move(*adopted));
}

Result<std::pair<UnixStream, UnixStream>> UnixStream::pair() {
    Result<std::pair<AsyncFd, AsyncFd>> ends = socket_pair(SOCK_STREAM);
    if (!ends) return ends.error();
    return std::pair(UnixStream(std::move(ends->first)), UnixStream(std::move(ends->second)));
}

Result<UnixStream> UnixStream::adopt(int fd) {
    OwnedFd owned(fd);
    const Result<UnixAddress> peer = peer_address_of<UnixAddress>(fd);
    if (!peer) return peer.error().within("cannot take over a unix connection");
    if (!set_non_blocking(fd)) return io_error("take over a unix connection", errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(owned.release());
    if (!adopted) return adopted.error();
    return UnixStream(std::move(*adopted));
}

Result<PeerCredentials> UnixStream::peer_credentials() const {
    ucred who{};
    socklen_t size = sizeof who;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_PEERCRED, &who, &size) != 0)
        return io_error("ask who is behind " + peer_name(), errno);
    return PeerCredentials{who.pid, who.uid, who.gid};
}

// By either end's address: whoever connects has none of his own as a rule.
std::string UnixStream::peer_name() const {
    Result<UnixAddress> address = peer_address_of<UnixAddress>(fd_.get());
    if (address && address->is_unnamed()) address = own_address<UnixAddress>(fd_.get());
    if (!address || address->is_unnamed()) return "a unix socket";
    return "the unix socket " + address->text();
}

Result<void> UnixStream::shutdown_write() {
    if (::shutdown(fd_.get(), SHUT_WR) == 0) return {};
    return io_error("end the writing to " + peer_name(), errno);
}

void UnixStream::shutdown() noexcept {
    if (fd_) ::shutdown(fd_.get(), SHUT_RDWR);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : Listener(std::move(other)),
      local_(other.local_),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

UnixListener& UnixListener::operator=(UnixListener&& other) noexcept {
    if (this != &other) {
        close();
        Listener::operator=(std::move(other));
        local_ = other.local_;
        device_ = other.device_;
        inode_ = std::exchange(other.inode_, 0);
    }
    return *this;
}

namespace {

std::string path_of(const UnixAddress& address) {
    return address.is_abstract() ? std::string() : std::string(address.name());
}

// True when a socket file lies there on which nobody answers; it is gone then.
bool remove_if_stale(const UnixAddress& address) {
    const std::string path = path_of(address);
    struct stat info{};
    if (path.empty() || ::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    const Result<OwnedFd> probe = open_socket(AF_UNIX, SOCK_STREAM, "ask");
    if (!probe || ::connect(probe->get(), address.data(), address.size()) == 0) return false;
    return errno == ECONNREFUSED && ::unlink(path.c_str()) == 0;
}

}  // namespace

Result<UnixListener> UnixListener::bind(const UnixAddress& address, UnixListenOptions options) {
    const std::string what = "listen on " + address.text();
    Result<OwnedFd> fd = open_socket(AF_UNIX, SOCK_STREAM, what);
    if (!fd) return fd.error();
    // Linux gives the socket file the mode of the socket's own inode, less the umask: there is no
    // moment at which others could connect.
    if (::fchmod(fd->get(), options.mode) != 0) return io_error(what, errno);
    int failure = ::bind(fd->get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (failure == EADDRINUSE && options.replace_stale && remove_if_stale(address))
        failure = ::bind(fd->get(), address.data(), address.size()) == 0 ? 0 : errno;
    if (failure != 0) return io_error(what, failure);
    struct stat info{};
    const std::string path = path_of(address);
    const bool has_file = !path.empty() && ::stat(path.c_str(), &info) == 0;
    if (::listen(fd->get(), options.backlog) != 0) failure = errno;
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (failure == 0 && adopted) {
        UnixListener out(std::move(*adopted), address);
        out.device_ = info.st_dev;
        out.inode_ = has_file ? info.st_ino : 0;
        return out;
    }
    if (has_file) ::unlink(path.c_str());
    return failure != 0 ? io_error(what, failure) : adopted.error().within("cannot " + what);
}

Result<UnixListener> UnixListener::adopt(int fd) {
    OwnedFd owned(fd);
    const Result<UnixAddress> local = own_address<UnixAddress>(fd);
    if (!local) return local.error().within("cannot take over a listening socket");
    if (!set_non_blocking(fd)) return io_error("take over a listening socket", errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(owned.release());
    if (!adopted) return adopted.error();
    return UnixListener(std::move(*adopted), *local);
}

Task<Result<UnixStream>> UnixListener::accept(Deadline deadline) {
    Accepted accepted;
    const IoOutcome outcome = co_await accept_next(accepted, deadline);
    if (outcome.failure != 0)
        co_return io_error("accept a connection on " + local_.text(), outcome);
    co_return UnixStream(std::move(accepted.fd));
}

void UnixListener::close() noexcept {
    struct stat info{};
    if (inode_ != 0) {
        // A path fits: it came from a UnixAddress.
        char path[sizeof(sockaddr_un::sun_path) + 1] = {};
        const std::string_view name = local_.name();
        std::copy(name.begin(), name.end(), path);
        if (::stat(path, &info) == 0 && info.st_dev == device_ && info.st_ino == inode_)
            ::unlink(path);
        inode_ = 0;
    }
    Listener::close();
}

}  // namespace pilotfish::core
