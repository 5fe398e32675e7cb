#include "core/async_fd.h"

#include <unistd.h>

#include "core/cancel.h"
#include "core/check.h"
#include "core/scheduler.h"

namespace pilotfish::core {

Result<AsyncFd> AsyncFd::adopt(int fd) {
    Scheduler* scheduler = Scheduler::current();
    PF_CHECK(scheduler, "AsyncFd::adopt without a Runtime");
    Result<PollEntry*> entry = scheduler->poller.adopt(fd);
    if (!entry) {
        if (fd >= 0) ::close(fd);
        return entry.error();
    }
    AsyncFd out;
    out.entry_ = *entry;
    out.fd_ = fd;
    return out;
}

int AsyncFd::release() noexcept {
    if (!entry_) return -1;
    PollEntry* entry = std::exchange(entry_, nullptr);
    // A descriptor may outlive the runtime; its entry went with it.
    if (Scheduler* scheduler = Scheduler::current()) scheduler->poller.retire(entry);
    return std::exchange(fd_, -1);
}

void AsyncFd::close() noexcept {
    const int fd = release();
    if (fd >= 0) ::close(fd);
}

bool ReadyAwait::start(FrameBase& frame) {
    PF_CHECK(entry_, "await of an AsyncFd that holds no descriptor");
    if (cancel_requested()) [[unlikely]] {
        waiter_.claim(Wake::cancelled);
        return false;
    }
    std::lock_guard guard(entry_->lock);
    bool& edge = direction_ == Direction::read ? entry_->readable : entry_->writable;
    if (entry_->closed) {
        waiter_.claim(Wake::closed);
        return false;
    }
    if (edge) {
        edge = false;
        waiter_.claim(Wake::ready);
        if (!budget_exhausted()) return false;
        yield_running(begin_wait(frame, WaitReason::yield, where_));
        return true;
    }
    PF_CHECK(!slot(), "two tasks await the same direction of one AsyncFd");
    started_ = true;
    switch (begin_wait(frame, WaitReason::io_wait, where_, waiter_)) {
        case Begun::cancelled: return false;
        case Begun::taken: return true;
        case Begun::parked: break;
    }
    slot() = &waiter_;
    if (deadline_ns_ != kNoDeadline_ns) arm_timer(waiter_, deadline_ns_);
    return true;
}

Wake ReadyAwait::await_resume() {
    if (started_) leave();
    const Wake wake = waiter_.result();
    if (wake == Wake::cancelled) [[unlikely]]
        throw_cancelled();
    return wake;
}

// Still started_: the frame is being destroyed while it waits.
ReadyAwait::~ReadyAwait() {
    if (started_) leave();
}

void ReadyAwait::leave() noexcept {
    started_ = false;
    const Wake wake = waiter_.result();
    if (wake != Wake::ready && wake != Wake::closed) {
        // Not claimed under the lock: the thread that ran start() may still be in it. Only after it
        // is the timer certain to be there.
        std::lock_guard guard(entry_->lock);
        if (slot() == &waiter_) slot() = nullptr;
    }
    if (deadline_ns_ != kNoDeadline_ns) TimerHeap::disarm(waiter_);
}

}  // namespace pilotfish::core
