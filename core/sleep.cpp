#include "core/sleep.h"

#include "core/scheduler.h"

namespace pilotfish::core {

std::int64_t runtime_now_ns() noexcept {
    const Scheduler* scheduler = Scheduler::current();
    return scheduler ? scheduler->now_ns() : monotonic_ns();
}

void arm_timer(TimedWaiter& node, std::int64_t deadline_ns) noexcept {
    tls.proc->timers.arm(node, deadline_ns);
}

bool SleepAwait::start(FrameBase& frame) {
    const Begun begun = tls.proc->timers.arm(waiter_, deadline_ns_, [&]() noexcept {
        return begin_wait(frame, WaitReason::sleep, where_, waiter_);
    });
    return begun != Begun::cancelled;
}

}  // namespace pilotfish::core
