#include "core/semaphore.h"

namespace pilotfish::core {

// Requires: the lock.
bool Semaphore::take_locked(std::int64_t count) noexcept {
    if (available_ < count || !queue_.empty()) return false;
    available_ -= count;
    return true;
}

// In order, as far as the permits go. True: call notify_scheduler(). Requires: the lock.
bool Semaphore::grant_locked() noexcept {
    bool notify = false;
    while (WaitLink* link = queue_.front()) {
        const std::int64_t count = static_cast<AcquireAwait*>(link)->count_;
        if (count > available_) break;
        link = place_.take_front(queue_, Wake::ready);
        if (!link) continue;
        available_ -= count;
        notify |= WaitPlace::wake(*link);
    }
    return notify;
}

Permit Semaphore::try_acquire(std::int64_t count) noexcept {
    PF_CHECK(count > 0, "a Semaphore was asked for no permit");
    std::lock_guard guard(place_.lock);
    return take_locked(count) ? Permit(*this, count) : Permit();
}

void Semaphore::release(std::int64_t count) noexcept {
    PF_CHECK(count > 0, "a Semaphore was given no permit back");
    place_.update([&] {
        available_ += count;
        return grant_locked();
    });
}

std::int64_t Semaphore::available() const noexcept {
    std::lock_guard guard(place_.lock);
    return available_;
}

bool Semaphore::AcquireAwait::start(FrameBase& frame) noexcept {
    PF_CHECK(count_ > 0, "a Semaphore was asked for no permit");
    return begin(semaphore_.place_, semaphore_.queue_, frame, WaitReason::semaphore,
                 [&] { return semaphore_.take_locked(count_) ? Wake::ready : Wake::timed_out; });
}

// One that asked for many may have stood before others that are content with what there is.
void Semaphore::AcquireAwait::leave() noexcept {
    bool notify = false;
    Wait::leave([&] { notify = semaphore_.grant_locked(); });
    if (notify) notify_scheduler();
}

}  // namespace pilotfish::core
