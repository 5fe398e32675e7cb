#include "core/event.h"

namespace pilotfish::core {

void Event::set() noexcept {
    place_.update([&] {
        set_.store(true, std::memory_order_release);
        return place_.wake_all(queue_, Wake::ready);
    });
}

void Event::reset() noexcept {
    std::lock_guard guard(place_.lock);
    set_.store(false, std::memory_order_relaxed);
}

bool Event::WaitAwait::start(FrameBase& frame) noexcept {
    return begin(event_.place_, event_.queue_, frame, WaitReason::event,
                 [&] { return event_.is_set() ? Wake::ready : Wake::timed_out; });
}

}  // namespace pilotfish::core
