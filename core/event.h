// Event: a flag that tasks wait for.
//
//     Event ready;
//     ready.set();                                  // anywhere; wakes all
//     co_await ready.wait();                        // at once while it is set
//     if (co_await ready.wait(deadline) == Wake::timed_out) ...
//
// Thread-safety: wait: tasks; the rest: any thread. Ownership: must outlive its waits; to destroy
// it while tasks wait is a bug and aborts. Who was woken by set() may destroy it at once. Suspends:
// wait. Fails: wait throws Cancelled.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <source_location>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class Event {
    class WaitAwait;
    struct [[nodiscard]] WaitFor {
        Event* event;
        std::int64_t deadline_ns;
        WaitAwait awaiter(const std::source_location& where) const noexcept;
    };

  public:
    explicit Event(bool set = false) noexcept : set_(set) {}
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;
    ~Event() { place_.abandon(queue_, "an Event was destroyed while tasks wait for it"); }

    void set() noexcept;
    // Those that set() woke go on all the same.
    void reset() noexcept;
    bool is_set() const noexcept { return set_.load(std::memory_order_acquire); }

    // -> Wake: ready or timed_out.
    WaitFor wait(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }

  private:
    friend struct EventCase;

    std::atomic<bool> set_;  // written under the lock
    WaitPlace place_;
    WaitQueue queue_;
};

class Event::WaitAwait : Wait {
  public:
    WaitAwait(Event& event, std::int64_t deadline_ns, const std::source_location& where) noexcept
        : Wait(deadline_ns, where), event_(event) {}

    bool await_ready() noexcept {
        if (!event_.is_set() || cancel_requested() || budget_exhausted()) return false;
        settle(Wake::ready);
        return true;
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    Wake await_resume() { return end_or_throw(); }

  private:
    bool start(FrameBase& frame) noexcept;

    Event& event_;
};

inline Event::WaitAwait Event::WaitFor::awaiter(const std::source_location& where) const noexcept {
    return WaitAwait(*event, deadline_ns, where);
}

}  // namespace pilotfish::core
