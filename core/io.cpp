#include "core/io.h"

namespace pilotfish::core {
namespace {

// What helps, in words; nullptr: the errno's own text says enough.
const char* mend_for(int system_errno) {
    switch (system_errno) {
        case EMFILE: return "out of file descriptors; raise RLIMIT_NOFILE";
        case ENFILE: return "the machine is out of file descriptors; raise fs.file-max";
        case EADDRINUSE: return "address already in use";
        case EAFNOSUPPORT: return "this kernel does not have the address family";
        default: return nullptr;
    }
}

}  // namespace

Error io_error(std::string_view what, int system_errno) {
    if (const char* mend = mend_for(system_errno))
        return {"cannot " + std::string(what) + ": " + mend, system_errno};
    return system_error(what, system_errno);
}

Error io_error(std::string_view what, const IoOutcome& outcome) {
    if (outcome.failure == kIoTimedOut)
        return {"cannot " + std::string(what) + ": timed out", 0, ErrorKind::timed_out};
    if (outcome.failure == kIoClosed)
        return {"cannot " + std::string(what) + ": it was closed on this side", 0,
                ErrorKind::closed};
    return io_error(what, outcome.failure);
}

// A smaller description than Readiness: it is kept in the frame beside its awaiter.
struct EdgeOf {
    IoWait* wait;
    ReadyAwait awaiter(const std::source_location& where) const noexcept {
        return wait->fd->ready(wait->direction, wait->deadline_ns).awaiter(where);
    }
};

Task<> finish_io(IoWait& wait) {
    const EdgeOf edge{&wait};
    for (;;) {
        if (wait.outcome.failure == kIoGiveWay) {
            co_await yield();
        } else {
            if (!*wait.fd) break;
            const Wake wake = co_await edge;
            if (wake != Wake::ready) {
                wait.outcome = {0, failure_of(wake)};
                co_return;
            }
        }
        // Closed by another task before it was our turn.
        if (!*wait.fd) break;
        wait.outcome = wait.attempt(wait.operation);
        if (!must_go_on(wait.outcome.failure)) co_return;
    }
    wait.outcome = {0, kIoClosed};
}

}  // namespace pilotfish::core
