// WaitGroup: waits until as many are done as were added, as Go's sync.WaitGroup. Where the tasks
// end with a scope, TaskGroup (core/task_group.h) does more.
//
//     WaitGroup pending;
//     pending.add(2);
//     ...                                           // each: pending.done();
//     co_await pending.wait();
//
// Thread-safety: wait: tasks; the rest: any thread. add() that leaves zero must come before the
// wait() that should see it. Ownership: must outlive its waits, but may be destroyed by who was
// woken while the last done() returns; to destroy it while tasks wait is a bug and aborts.
// Suspends: wait. Fails: wait throws Cancelled; more done than added aborts.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class WaitGroup {
    class WaitAwait;
    struct [[nodiscard]] WaitFor {
        WaitGroup* group;
        std::int64_t deadline_ns;
        WaitAwait awaiter(const std::source_location& where) const noexcept;
    };

  public:
    WaitGroup() = default;
    WaitGroup(const WaitGroup&) = delete;
    WaitGroup& operator=(const WaitGroup&) = delete;
    ~WaitGroup() { place_.abandon(queue_, "a WaitGroup was destroyed while tasks wait for it"); }

    // n may be negative. At zero all that wait are woken.
    void add(std::int64_t n) noexcept;
    void done() noexcept { add(-1); }
    std::int64_t count() const noexcept;

    // -> Wake: ready or timed_out.
    WaitFor wait(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }

  private:
    mutable WaitPlace place_;
    WaitQueue queue_;
    std::int64_t count_ = 0;
};

class WaitGroup::WaitAwait : Wait {
  public:
    WaitAwait(WaitGroup& group, std::int64_t deadline_ns,
              const std::source_location& where) noexcept
        : Wait(deadline_ns, where), group_(group) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    Wake await_resume() { return end_or_throw(); }

  private:
    bool start(FrameBase& frame) noexcept;

    WaitGroup& group_;
};

inline WaitGroup::WaitAwait WaitGroup::WaitFor::awaiter(
    const std::source_location& where) const noexcept {
    return WaitAwait(*group, deadline_ns, where);
}

}  // namespace pilotfish::core
