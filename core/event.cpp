#include "core/event.h"

namespace pilotfish::core {

void Event::set() noexcept {
    bool notify = false;
    {
        std::lock_guard guard(place_.lock);
        set_.store(true, std::memory_order_release);
        notify = place_.wake_all(queue_, Wake::ready);
    }
    if (notify) notify_scheduler();
}

void Event::reset() noexcept {
    std::lock_guard guard(place_.lock);
    set_.store(false, std::memory_order_relaxed);
}

bool Event::WaitAwait::start(FrameBase& frame) noexcept {
    if (cancel_requested()) [[unlikely]] {
        settle(Wake::cancelled);
        return false;
    }
    {
        std::lock_guard guard(event_.place_.lock);
        if (!event_.set_.load(std::memory_order_relaxed))
            return event_.place_.park(event_.queue_, *this, frame, WaitReason::event, where_,
                                      deadline_ns_);
    }
    settle(Wake::ready);
    if (tls.budget >= 0) return false;
    yield_running(begin_wait(frame, WaitReason::yield, where_));
    return true;
}

}  // namespace pilotfish::core
