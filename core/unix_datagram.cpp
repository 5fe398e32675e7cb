#include "core/unix_datagram.h"

#include "core/sleep.h"
#include "core/socket_calls.h"

namespace pilotfish::core {

Result<UnixDatagram> UnixDatagram::bind(const UnixAddress& address) {
    const std::string what = "receive datagrams on " + address.text();
    Result<OwnedFd> fd = open_socket(AF_UNIX, SOCK_DGRAM, what);
    if (!fd) return fd.error();
    if (::bind(fd->get(), address.data(), address.size()) != 0) return io_error(what, errno);
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (!adopted) return adopted.error();
    return UnixDatagram(std::move(*adopted));
}

Result<UnixDatagram> UnixDatagram::connect(const UnixAddress& peer) {
    Result<OwnedFd> fd = open_socket(AF_UNIX, SOCK_DGRAM, "send datagrams to " + peer.text());
    if (!fd) return fd.error();
    Result<AsyncFd> adopted = AsyncFd::adopt(fd->release());
    if (!adopted) return adopted.error();
    UnixDatagram out(std::move(*adopted));
    const Result<void> connected = out.connect_to(peer);
    if (!connected) return connected.error();
    return out;
}

Result<std::pair<UnixDatagram, UnixDatagram>> UnixDatagram::pair() {
    Result<std::pair<AsyncFd, AsyncFd>> ends = socket_pair(SOCK_DGRAM);
    if (!ends) return ends.error();
    return std::pair(UnixDatagram(std::move(ends->first)), UnixDatagram(std::move(ends->second)));
}

Result<void> UnixDatagram::connect_to(const UnixAddress& peer) {
    if (::connect(fd_.get(), peer.data(), peer.size()) == 0) return {};
    return io_error("send datagrams to " + peer.text(), errno);
}

Task<Result<void>> UnixDatagram::send_to(std::string_view data, UnixAddress to, Deadline deadline) {
    RetryPause pause;
    if (budget_exhausted()) co_await yield();
    for (;;) {
        SendDatagram<UnixAddress> send{&fd_, data.data(), data.size(), 0, &to};
        const IoOutcome outcome = send.attempt();
        if (!would_block(outcome.failure)) co_return send.result(outcome);
        const Sleep sleep = pause.next(deadline);
        co_await sleep;
        if (deadline && runtime_now() >= *deadline)
            co_return send.result(IoOutcome{0, kIoTimedOut});
    }
}

}  // namespace pilotfish::core
