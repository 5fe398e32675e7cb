#include "core/wait_group.h"

namespace pilotfish::core {

void WaitGroup::add(std::int64_t n) noexcept {
    place_.update([&] {
        count_ += n;
        PF_CHECK(count_ >= 0, "a WaitGroup has more done than added");
        return count_ == 0 && place_.wake_all(queue_, Wake::ready);
    });
}

std::int64_t WaitGroup::count() const noexcept {
    std::lock_guard guard(place_.lock);
    return count_;
}

bool WaitGroup::WaitAwait::start(FrameBase& frame) noexcept {
    return begin(group_.place_, group_.queue_, frame, WaitReason::wait_group,
                 [&] { return group_.count_ == 0 ? Wake::ready : Wake::timed_out; });
}

}  // namespace pilotfish::core
