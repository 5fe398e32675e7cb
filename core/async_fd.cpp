#include "core/async_fd.h"

#include <unistd.h>

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
    waiter_.task = begin_wait(frame, WaitReason::io_wait, where_);
    slot() = &waiter_;
    if (deadline_ns_ != kNoDeadline_ns) arm_timer(waiter_, deadline_ns_);
    return true;
}

Wake ReadyAwait::await_resume() noexcept {
    if (started_ && deadline_ns_ != kNoDeadline_ns) {
        TimerHeap::disarm(waiter_);
        if (waiter_.result() == Wake::timed_out) {
            std::lock_guard guard(entry_->lock);
            if (slot() == &waiter_) slot() = nullptr;
        }
    }
    started_ = false;
    return waiter_.result();
}

// Still started_: the frame is being destroyed while it waits.
ReadyAwait::~ReadyAwait() {
    if (!started_) return;
    TimerHeap::disarm(waiter_);
    std::lock_guard guard(entry_->lock);
    if (slot() == &waiter_) slot() = nullptr;
}

}  // namespace pilotfish::core
