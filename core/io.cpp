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

Task<IoOutcome> finish_io(AsyncFd& fd, Direction direction, std::int64_t deadline_ns,
                          IoAttempt attempt, void* operation, bool try_first) {
    for (;;) {
        if (try_first) {
            co_await yield();
        } else {
            if (!fd) co_return IoOutcome{0, kIoClosed};
            const Wake wake = co_await fd.ready(direction, deadline_ns);
            if (wake == Wake::timed_out) co_return IoOutcome{0, kIoTimedOut};
            if (wake == Wake::closed) co_return IoOutcome{0, kIoClosed};
        }
        // Closed by another task before it was our turn.
        if (!fd) co_return IoOutcome{0, kIoClosed};
        const IoOutcome outcome = attempt(operation);
        if (!would_block(outcome.failure) && outcome.failure != kIoGiveWay) co_return outcome;
        try_first = outcome.failure == kIoGiveWay;
    }
}

}  // namespace pilotfish::core
