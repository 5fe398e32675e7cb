#include "core/rw_lock.h"

namespace pilotfish::core {

// Requires: the lock.
bool RwLock::take_locked(bool writes) noexcept {
    if (writing_) return false;
    if (writes) {
        if (readers_ > 0) return false;
        writing_ = true;
    } else {
        // That a writer waits may be out of date: it admits the readers behind it when it leaves.
        if (!waiting_writers_.empty()) return false;
        ++readers_;
    }
    return true;
}

// These two return true: call notify_scheduler(). Require: the lock, and that nobody writes.
bool RwLock::admit_readers_locked() noexcept {
    bool notify = false;
    while (WaitLink* link = place_.take(waiting_readers_, Wake::ready)) {
        ++readers_;
        notify |= WaitPlace::wake(*link);
    }
    return notify;
}

// Also requires: nobody reads.
bool RwLock::admit_writer_locked() noexcept {
    WaitLink* link = place_.take(waiting_writers_, Wake::ready);
    if (!link) return false;
    writing_ = true;
    return WaitPlace::wake(*link);
}

RwLock::ReadGuard RwLock::try_read() noexcept {
    std::lock_guard guard(place_.lock);
    return take_locked(false) ? ReadGuard(*this) : ReadGuard();
}

RwLock::WriteGuard RwLock::try_write() noexcept {
    std::lock_guard guard(place_.lock);
    return take_locked(true) ? WriteGuard(*this) : WriteGuard();
}

void RwLock::read_unlock() noexcept {
    place_.update([&] {
        PF_CHECK(readers_ > 0, "read-unlock of a RwLock that nobody reads");
        if (--readers_ > 0) return false;
        const bool notify = admit_writer_locked();
        // Nobody writes: the writers that kept the readers out have all given up.
        return writing_ ? notify : admit_readers_locked();
    });
}

void RwLock::write_unlock() noexcept {
    place_.update([&] {
        PF_CHECK(writing_, "write-unlock of a RwLock that nobody writes");
        writing_ = false;
        const bool notify = admit_readers_locked();
        return readers_ > 0 ? notify : admit_writer_locked();
    });
}

bool RwLock::LockAwait::start(FrameBase& frame) noexcept {
    return begin(lock_.place_, writes_ ? lock_.waiting_writers_ : lock_.waiting_readers_, frame,
                 writes_ ? WaitReason::write_lock : WaitReason::read_lock,
                 [&] { return lock_.take_locked(writes_) ? Wake::ready : Wake::timed_out; });
}

void RwLock::LockAwait::leave() noexcept {
    bool notify = false;
    Wait::leave([&] {
        if (!lock_.writing_ && lock_.waiting_writers_.empty())
            notify = lock_.admit_readers_locked();
    });
    if (notify) notify_scheduler();
}

}  // namespace pilotfish::core
