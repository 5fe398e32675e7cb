// A descriptor the scheduler watches: sockets, pipes, pidfd, signalfd, timerfd, inotify.
//
// The protocol is "try first": do the system call; only when it says EAGAIN, await readable() or
// writable() and try again. The descriptor is registered once, edge-triggered. An edge is
// remembered until an await consumes it, so none is lost between the EAGAIN and the await; an await
// may return ready once for an edge whose data was read already, so try again after it. Awaiting
// without a failed try may wait for ever: there may be no further edge.
//
// Thread-safety: readable, writable: one task each at a time; an await may go on in any thread
// while another task calls close() or release(). These two, moving and get() are not atomic with
// one another: whoever closes from another thread must be the only one to do so, and a task that is
// between its await and its system call may then hold a number that has been closed or given to
// another file. So close from the task that uses it, or let that task be the one that hears
// Wake::closed last. Ownership: owns the descriptor and closes it. Suspends: readable, writable.
// Fails: adopt(), with a sentence. O_NONBLOCK is the caller's to set.
#pragma once

#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/poller.h"
#include "core/result.h"
#include "core/task_record.h"
#include "core/timer_heap.h"

namespace pilotfish::core {

enum class Direction : std::uint8_t { read, write };

class ReadyAwait {
  public:
    ReadyAwait(PollEntry* entry, Direction direction, std::int64_t deadline_ns,
               const std::source_location& where) noexcept
        : entry_(entry), deadline_ns_(deadline_ns), where_(where), direction_(direction) {}
    ReadyAwait(const ReadyAwait&) = delete;
    ReadyAwait& operator=(const ReadyAwait&) = delete;
    ~ReadyAwait();

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    Wake await_resume();

  private:
    void leave() noexcept;
    bool start(FrameBase& frame);
    Waiter*& slot() noexcept {
        return direction_ == Direction::read ? entry_->reader : entry_->writer;
    }

    PollEntry* entry_;
    std::int64_t deadline_ns_;
    std::source_location where_;
    TimedWaiter waiter_;
    Direction direction_;
    bool started_ = false;
};

struct [[nodiscard]] Readiness {
    PollEntry* entry;
    std::int64_t deadline_ns;
    Direction direction;
    ReadyAwait awaiter(const std::source_location& where) const noexcept {
        return ReadyAwait(entry, direction, deadline_ns, where);
    }
};

class AsyncFd {
  public:
    AsyncFd() = default;
    AsyncFd(AsyncFd&& other) noexcept
        : entry_(std::exchange(other.entry_, nullptr)), fd_(std::exchange(other.fd_, -1)) {}
    AsyncFd& operator=(AsyncFd&& other) noexcept {
        if (this != &other) {
            close();
            entry_ = std::exchange(other.entry_, nullptr);
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~AsyncFd() { close(); }

    // Takes the descriptor over, also when it fails (it is then closed). Requires: a Runtime lives.
    static Result<AsyncFd> adopt(int fd);

    // Wake::ready, timed_out or closed. Requires: get() >= 0; nobody else awaits the same
    // direction.
    Readiness readable(Deadline deadline = {}) noexcept {
        return {entry_, deadline_ns(deadline), Direction::read};
    }
    Readiness writable(Deadline deadline = {}) noexcept {
        return {entry_, deadline_ns(deadline), Direction::write};
    }
    Readiness ready(Direction direction, std::int64_t deadline_ns) noexcept {
        return {entry_, deadline_ns, direction};
    }
    // True: every edge so far told of data and room alone. Any thread; may be late by what no await
    // has consumed yet.
    bool only_data_so_far() const noexcept {
        return entry_ && !entry_->more_than_data.load(std::memory_order_relaxed);
    }
    // -1 once closed.
    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    // Wakes who waits with Wake::closed, and closes the descriptor.
    void close() noexcept;
    // Gives the descriptor back unclosed; waiters are woken with Wake::closed.
    int release() noexcept;

  private:
    PollEntry* entry_ = nullptr;
    int fd_ = -1;
};

}  // namespace pilotfish::core
