#include "core/once.h"

namespace pilotfish::core {

void Once::finish(bool done) noexcept {
    place_.update([&] {
        if (done) {
            state_.store(State::done, std::memory_order_release);
            return place_.wake_all(queue_, Wake::ready);
        }
        WaitLink* next = place_.take(queue_, Wake::ready);
        if (!next) {
            state_.store(State::fresh, std::memory_order_relaxed);
            return false;
        }
        static_cast<TurnAwait*>(next)->turn_ = Turn::ours;
        return WaitPlace::wake(*next);
    });
}

bool Once::TurnAwait::start(FrameBase& frame) noexcept {
    return begin(once_.place_, once_.queue_, frame, WaitReason::once, [&] {
        switch (once_.state_.load(std::memory_order_relaxed)) {
            case State::running: return Wake::timed_out;
            case State::fresh:
                once_.state_.store(State::running, std::memory_order_relaxed);
                turn_ = Turn::ours;
                break;
            case State::done: break;
        }
        return Wake::ready;
    });
}

}  // namespace pilotfish::core
