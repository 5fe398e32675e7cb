// Operations on descriptors: try first, wait only when the kernel says that it would block.
//
// `co_await stream.read_some(buffer)` makes the system call before anything else. While it succeeds
// there is no frame, no lock and no allocation. When it would block, and when the task has used up
// its share of operations, the awaiter starts one child coroutine, finish_io(), whose frame comes
// from the frame pool; it waits for edges and tries again until the operation is done. One such
// function serves every operation: it knows them by a pointer to their attempt.
//
// Rejected: waiting in the awaiter itself. An edge may be about data that was read already (another
// thread delivered it late, a datagram had a bad checksum), so whoever is woken may have to wait
// again, and an awaiter that has been resumed cannot. A coroutine for every operation, ready or
// not, costs 6-9 ns and a frame each.
//
// An Operation is a small struct that is kept in the awaiter:
//
//     struct ReadSome {
//         static constexpr Direction kDirection = Direction::read;
//         AsyncFd& descriptor() noexcept;          // what to wait on
//         std::int64_t deadline_ns;
//         bool may_be_ready() noexcept;            // false: go to wait at once
//         IoOutcome attempt() noexcept;            // the system call; may keep its progress
//         Result<std::size_t> result(const IoOutcome& outcome);
//         IoAwait<ReadSome> awaiter(const std::source_location& where) const noexcept;
//     };
//
// Thread-safety: an operation belongs to the task that awaits it; what it works on must stay where
// it is meanwhile. Ownership: borrows the descriptor and the buffer. Suspends: as told. Fails: as
// values; a task that is cancelled in it leaves the descriptor usable, and what had been moved so
// far is moved.
#pragma once

#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/async_fd.h"
#include "core/result.h"
#include "core/task.h"

namespace pilotfish::core {

// What one attempt came to. failure: 0, an errno, or one of the negative values below.
struct IoOutcome {
    std::int64_t count = 0;
    int failure = 0;
};
inline constexpr int kIoTimedOut = -1;
inline constexpr int kIoClosed = -2;  // on this side
// Not done and would not block: let the others run, then go on.
inline constexpr int kIoGiveWay = -3;

inline bool would_block(int failure) noexcept {
    return failure == EAGAIN || failure == EWOULDBLOCK;
}

// Of a wait that did not end because the descriptor is ready.
inline int failure_of(Wake wake) noexcept {
    return wake == Wake::timed_out ? kIoTimedOut : kIoClosed;
}

inline bool must_go_on(int failure) noexcept {
    return would_block(failure) || failure == kIoGiveWay;
}

// "cannot WHAT: why", with the kind; pass what without "cannot". Requires: outcome.failure != 0.
Error io_error(std::string_view what, const IoOutcome& outcome);
// The same for errno alone, with the mend where there is one.
Error io_error(std::string_view what, int system_errno);

// One system call that returns a count or -1, not interrupted by signals.
template <class Call>
IoOutcome io_attempt(Call&& call) noexcept {
    for (;;) {
        const std::int64_t count = call();
        if (count >= 0) return {count, 0};
        if (errno != EINTR) return {0, errno};
    }
}

// One operation that could not be done at once. Lies in its awaiter, so that the frame of
// finish_io() is small: that of a parked task is what the cache has forgotten when its edge comes.
struct IoWait {
    AsyncFd* fd = nullptr;
    std::int64_t deadline_ns = kNoDeadline_ns;
    IoOutcome (*attempt)(void* operation) noexcept = nullptr;
    void* operation = nullptr;
    Direction direction = Direction::read;
    IoOutcome outcome;  // of the last attempt; kIoGiveWay: let the others run before the next
};

// Waits and tries until the attempt neither blocks nor gives way; leaves its outcome in `wait`.
Task<> finish_io(IoWait& wait);

template <class Operation>
class [[nodiscard]] IoAwait {
  public:
    IoAwait(const Operation& operation, const std::source_location& where) noexcept
        : operation_(operation), where_(where) {}
    IoAwait(const IoAwait&) = delete;
    IoAwait& operator=(const IoAwait&) = delete;

    bool await_ready() noexcept {
        IoOutcome& outcome = wait_.outcome;
        if (budget_exhausted())
            outcome.failure = kIoGiveWay;
        else if (!operation_.may_be_ready())
            outcome.failure = EAGAIN;
        else
            outcome = operation_.attempt();
        return !must_go_on(outcome.failure);
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) {
        wait_.fd = &operation_.descriptor();
        wait_.deadline_ns = operation_.deadline_ns;
        wait_.attempt = [](void* operation) noexcept {
            return static_cast<Operation*>(operation)->attempt();
        };
        wait_.operation = &operation_;
        wait_.direction = Operation::kDirection;
        Task<> rest = finish_io(wait_);
        rest_.emplace(std::move(rest), where_);
        rest_->await_suspend(frame);
    }
    auto await_resume() {
        if (rest_) rest_->await_resume();
        return operation_.result(wait_.outcome);
    }

  private:
    Operation operation_;
    std::source_location where_;
    IoWait wait_;
    std::optional<ChildAwait<void>> rest_;
};

}  // namespace pilotfish::core
