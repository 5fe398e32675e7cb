// Waiting for time to pass.
//
// Call from a task. Suspends; allocates nothing: the timer's node lies in the awaiter. Never fails.
#pragma once

#include "core/cancel.h"
#include "core/clock.h"
#include "core/task_record.h"
#include "core/timer_heap.h"

namespace pilotfish::core {

// The runtime's clock: a ManualClock in tests. Any thread.
std::int64_t runtime_now_ns() noexcept;
inline TimePoint runtime_now() noexcept { return from_ns(runtime_now_ns()); }

class SleepAwait {
  public:
    SleepAwait(std::int64_t deadline_ns, const std::source_location& where) noexcept
        : deadline_ns_(deadline_ns), where_(where) {}
    SleepAwait(const SleepAwait&) = delete;
    SleepAwait& operator=(const SleepAwait&) = delete;
    ~SleepAwait() { TimerHeap::disarm(waiter_); }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    void await_resume() const {
        if (waiter_.result() == Wake::cancelled) [[unlikely]]
            throw_cancelled();
    }

  private:
    bool start(FrameBase& frame);

    std::int64_t deadline_ns_;
    std::source_location where_;
    TimedWaiter waiter_;
};

struct [[nodiscard]] Sleep {
    std::int64_t deadline_ns;
    SleepAwait awaiter(const std::source_location& where) const noexcept {
        return SleepAwait(deadline_ns, where);
    }
};

// A deadline that has passed still gives way to the other runnable tasks.
inline Sleep sleep_until(TimePoint deadline) noexcept { return {to_ns(deadline)}; }
inline Sleep sleep_for(Duration delay) noexcept {
    return {to_ns(deadline_after(runtime_now(), delay))};
}

}  // namespace pilotfish::core
