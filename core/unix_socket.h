// Unix stream sockets: UnixListener and UnixStream, descriptors passed over them, and who the peer
// is.
//
//     Result<UnixAddress> address = UnixAddress::parse("/run/x.sock");
//     Result<UnixListener> listener = UnixListener::bind(*address);
//     Result<UnixStream> stream = co_await listener->accept();
//     const Result<PeerCredentials> who = stream->peer_credentials();
//     Result<Parcel> parcel = co_await stream->receive_descriptors(buffer);
//
// Reading, writing and who may close: core/byte_stream.h; accepting: core/listener.h.
//
// Thread-safety: as those. Ownership: a listener owns its descriptor and its socket file, which
// goes with it if it is still its own; a parcel owns the descriptors received, send_descriptors
// borrows. Suspends: connect, accept, a stream's operations. A full listener gives no edge to wait
// for: connect asks again after 1, 2, 4 .. 64 ms. Fails: Result with a sentence.
#pragma once

#include <sys/types.h>

#include <span>
#include <utility>
#include <vector>

#include "core/byte_stream.h"
#include "core/listener.h"
#include "core/owned_fd.h"
#include "core/socket_address.h"

namespace pilotfish::core {

struct PeerCredentials {
    pid_t pid = 0;  // 0: of a process that this pid namespace does not have
    uid_t uid = 0;
    gid_t gid = 0;
};

struct Parcel {
    std::size_t size = 0;  // bytes read; 0: the end
    std::vector<OwnedFd> descriptors;
    bool descriptors_lost = false;  // more were sent, and no numbers were left for them
};

class UnixStream : public ByteStream {
  public:
    UnixStream() = default;
    static Task<Result<UnixStream>> connect(UnixAddress address, Deadline deadline = {});
    // Two that are connected with one another.
    static Result<std::pair<UnixStream, UnixStream>> pair();
    // Takes over a connected socket; sets O_NONBLOCK. The descriptor is closed when it fails.
    static Result<UnixStream> adopt(int fd);

    // At most 253 descriptors (SCM_MAX_FD), with at least one byte, all of which is written. The
    // receiver has copies of them; ours stay open.
    Task<Result<void>> send_descriptors(std::string_view data, std::span<const int> descriptors,
                                        Deadline deadline = {});
    // Some bytes, and the descriptors that came with the first of them. Another read of this class
    // closes descriptors that come with its bytes.
    Task<Result<Parcel>> receive_descriptors(std::span<char> into, Deadline deadline = {});

    // Of the process that connected, or listened, at that time (SO_PEERCRED).
    Result<PeerCredentials> peer_credentials() const;
    std::string peer_name() const override;
    Result<void> shutdown_write();
    void shutdown() noexcept;  // as TcpStream::shutdown

  private:
    friend class UnixListener;
    // A read also stops short at descriptors that were passed: it drains nothing.
    explicit UnixStream(AsyncFd fd) noexcept : ByteStream(std::move(fd), Kind::socket, false) {}
};

struct UnixListenOptions {
    int backlog = 1024;  // connections the kernel holds; at most net.core.somaxconn
    mode_t mode = 0600;  // of the socket file, less the umask
    // A socket file on which nobody answers, left by a process that was killed, is removed.
    bool replace_stale = true;
};

class UnixListener : public Listener {
  public:
    UnixListener() = default;
    UnixListener(UnixListener&& other) noexcept;
    UnixListener& operator=(UnixListener&& other) noexcept;
    ~UnixListener() { close(); }

    static Result<UnixListener> bind(const UnixAddress& address, UnixListenOptions options = {});
    // Takes over a listening socket, as from systemd; sets O_NONBLOCK; leaves its file alone.
    static Result<UnixListener> adopt(int fd);

    Task<Result<UnixStream>> accept(Deadline deadline = {});
    const UnixAddress& local_address() const noexcept { return local_; }
    void close() noexcept;

  private:
    UnixListener(AsyncFd fd, const UnixAddress& local) noexcept
        : Listener(std::move(fd)), local_(local) {}

    UnixAddress local_;
    dev_t device_ = 0;  // of our socket file; inode 0: none is ours
    ino_t inode_ = 0;
};

}  // namespace pilotfish::core
