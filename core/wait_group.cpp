#include "core/wait_group.h"

namespace pilotfish::core {

void WaitGroup::add(std::int64_t n) noexcept {
    bool notify = false;
    {
        std::lock_guard guard(place_.lock);
        count_ += n;
        PF_CHECK(count_ >= 0, "a WaitGroup has more done than added");
        if (count_ == 0) notify = place_.wake_all(queue_, Wake::ready);
    }
    if (notify) notify_scheduler();
}

std::int64_t WaitGroup::count() const noexcept {
    std::lock_guard guard(place_.lock);
    return count_;
}

bool WaitGroup::WaitAwait::start(FrameBase& frame) noexcept {
    if (cancel_requested()) [[unlikely]] {
        settle(Wake::cancelled);
        return false;
    }
    {
        std::lock_guard guard(group_.place_.lock);
        if (group_.count_ > 0)
            return group_.place_.park(group_.queue_, *this, frame, WaitReason::wait_group, where_,
                                      deadline_ns_);
    }
    settle(Wake::ready);
    return give_way(frame, where_);
}

}  // namespace pilotfish::core
