#include "core/once.h"

namespace pilotfish::core {

void Once::finish(bool done) noexcept {
    bool notify = false;
    {
        std::lock_guard guard(place_.lock);
        if (done) {
            state_.store(State::done, std::memory_order_release);
            notify = place_.wake_all(queue_, Wake::ready);
        } else if (WaitLink* next = place_.take(queue_, Wake::ready)) {
            static_cast<TurnAwait*>(next)->turn_ = Turn::ours;
            notify = WaitPlace::wake(*next);
        } else {
            state_.store(State::fresh, std::memory_order_relaxed);
        }
    }
    if (notify) notify_scheduler();
}

bool Once::TurnAwait::start(FrameBase& frame) noexcept {
    if (cancel_requested()) [[unlikely]] {
        settle(Wake::cancelled);
        return false;
    }
    {
        std::lock_guard guard(once_.place_.lock);
        switch (once_.state_.load(std::memory_order_relaxed)) {
            case State::running:
                return once_.place_.park(once_.queue_, *this, frame, WaitReason::once, where_,
                                         deadline_ns_);
            case State::fresh:
                once_.state_.store(State::running, std::memory_order_relaxed);
                turn_ = Turn::ours;
                break;
            case State::done: break;
        }
    }
    settle(Wake::ready);
    return give_way(frame, where_);
}

}  // namespace pilotfish::core
