// Waiting for time to pass.
//
// Call from a task. Suspends; allocates nothing: the timer's node lies in the awaiter. Never fails.
#pragma once

#include "core/clock.h"
#include "core/task_record.h"
#include "core/timer_heap.h"

namespace pilotfish::core {

// The runtime's clock: a ManualClock in tests. Any thread.
std::int64_t runtime_now_ns() noexcept;
inline TimePoint runtime_now() noexcept { return from_ns(runtime_now_ns()); }

class [[nodiscard]] SleepAwait : public Awaiter {
  public:
    explicit SleepAwait(std::int64_t deadline_ns) noexcept : deadline_ns_(deadline_ns) {}
    SleepAwait(SleepAwait&& other) noexcept : Awaiter(other), deadline_ns_(other.deadline_ns_) {}
    ~SleepAwait() { TimerHeap::disarm(timer_); }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) {
        waiter_.task = begin_wait(frame.promise(), WaitReason::sleep, where);
        arm_timer(timer_, waiter_, deadline_ns_);
    }
    void await_resume() const noexcept {}

  private:
    std::int64_t deadline_ns_;
    Waiter waiter_;
    TimerNode timer_;
};

// A deadline that has passed still gives way to the other runnable tasks.
inline SleepAwait sleep_until(TimePoint deadline) noexcept { return SleepAwait(to_ns(deadline)); }
inline SleepAwait sleep_for(Duration delay) noexcept {
    return SleepAwait(to_ns(deadline_after(runtime_now(), delay)));
}

}  // namespace pilotfish::core
