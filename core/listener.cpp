#include "core/listener.h"

#include <algorithm>

#include "core/sleep.h"

namespace pilotfish::core {
namespace {

constexpr Duration kFirstPause = std::chrono::milliseconds(5);
constexpr Duration kLongestPause = std::chrono::seconds(1);

// accept(2): Linux hands over errors that the new connection had already; the next may be well.
bool is_of_the_connection(int failure) {
    switch (failure) {
        case ECONNABORTED:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case ENETUNREACH: return true;
        default: return false;
    }
}

bool is_shortage(int failure) {
    return failure == EMFILE || failure == ENFILE || failure == ENOBUFS || failure == ENOMEM ||
           failure == ENOSPC;
}

}  // namespace

void Listener::shutdown() noexcept {
    if (fd_) ::shutdown(fd_.get(), SHUT_RD);
}

Task<IoOutcome> Listener::accept_next(Accepted& accepted, Deadline deadline) {
    if (budget_exhausted()) co_await yield();
    if (pause_ > Duration(0)) {
        const TimePoint again = deadline_after(runtime_now(), pause_);
        if (deadline && *deadline < again) {
            co_await sleep_until(*deadline);
            co_return IoOutcome{0, kIoTimedOut};
        }
        co_await sleep_until(again);
    }
    for (;;) {
        if (!fd_) co_return IoOutcome{0, kIoClosed};
        IoOutcome outcome = io_attempt([&] {
            accepted.size = sizeof accepted.from;
            return ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&accepted.from), &accepted.size,
                             SOCK_NONBLOCK | SOCK_CLOEXEC);
        });
        if (outcome.failure == 0) {
            Result<AsyncFd> adopted = AsyncFd::adopt(static_cast<int>(outcome.count));
            if (adopted) {
                pause_ = Duration(0);
                accepted.fd = std::move(*adopted);
                co_return outcome;
            }
            outcome.failure = adopted.error().system_errno;
        }
        if (would_block(outcome.failure)) {
            const Wake wake = co_await fd_.readable(deadline);
            if (wake != Wake::ready) co_return IoOutcome{0, failure_of(wake)};
            continue;
        }
        if (is_of_the_connection(outcome.failure)) {
            if (budget_exhausted()) co_await yield();
            continue;
        }
        // What accept(2) says of a socket that listens no more, and listened once.
        if (outcome.failure == EINVAL) outcome.failure = kIoClosed;
        if (is_shortage(outcome.failure))
            pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
        co_return outcome;
    }
}

}  // namespace pilotfish::core
