// What tasks wait on: a lock, lists of waiting tasks, and the one protocol by which a wait starts,
// is ended by the event, or leaves because something else ended it. Channel, select, Mutex, RwLock,
// Semaphore, Event, Once, WaitGroup and Condition all stand on it. Authors of those want this file.
//
// A WaitPlace is a lock and what the protocol needs; a WaitQueue is one FIFO list under that lock.
// The links lie in the awaiters: nothing is allocated.
//
//   start   under the lock: nothing there for us -> park(): begin_wait, link, arm the timer
//   event   under the lock: take() the first link whose waiter it can claim, hand over what there
//           is, wake()
//   leave   the resumed task, or the destructor of its frame: WaitPlace::leave()
//
// The dangerous race: a deadline or a cancellation claims a wait without the lock, so the link is
// still in the list when the task runs again, and the place may be destroyed before the task comes
// to unlink it. Who takes the link's `place` pointer first, decides: the task, and the place (also
// its destructor) waits until it has been; or the place, which has unlinked it, and the task comes
// no more. So whatever tasks wait on may be destroyed once nobody's wait is open, though some have
// not run since their deadline passed.
//
// Every destructor takes the lock: who was woken may destroy the place at once, while its waker
// still holds the lock. A waker touches nothing of the place after releasing it.
//
// At the end of the runtime frames are destroyed where they wait, while outside threads may still
// find their links. A destructor then claims the wait itself, or waits until who was faster has
// said `handed`, its last access to the frame. The rest of such a wake meets a closed queue.
//
// Rejected: unlinking by the timer (it would need the lock of every place, in the wrong order); a
// reference count in each place (two atomic operations a wait more).
//
// Thread-safety: "requires: the lock" where said; leave(): the waiting task. Owns nothing. Never
// fails.
#pragma once

#include <sched.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <source_location>

#include "core/cancel.h"
#include "core/check.h"
#include "core/clock.h"
#include "core/ring.h"
#include "core/spin_lock.h"
#include "core/task_record.h"
#include "core/timer_heap.h"

namespace pilotfish::core {

class WaitPlace;
class WaitQueue;

// One place in one queue. A select has several with the same waiter.
struct WaitLink : RingLink {
    std::atomic<WaitPlace*> place{nullptr};  // nullptr: one of the two sides has let go
    Waiter* waiter = nullptr;
    void* slot = nullptr;   // what is handed over lies, or is put, here; its type is the place's
    bool expected = false;  // guarded by the place's lock: it counts on our leaving
    bool taken = false;     // this link's event ended the wait
};

// The wait of a task for one thing. Lies in an awaiter, hence never moved.
struct Wait : WaitLink, TimedWaiter {
    Wait(std::int64_t deadline_ns, const std::source_location& where) noexcept
        : until_ns(deadline_ns), awaited_at(where) {
        waiter = this;
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    // Still begun: its frame is destroyed where it waits.
    ~Wait() {
        if (begun()) leave([] {});
    }

    // For await_suspend: attempt() is asked, under the lock of the place, how the wait ends;
    // Wake::timed_out: not now, so it parks. True: suspend.
    template <class Attempt>
    bool begin(WaitPlace& in, WaitQueue& queue, FrameBase& frame, WaitReason reason,
               Attempt attempt);
    // park() was called, and leave() not yet.
    bool begun() const noexcept { return task != nullptr; }
    // For await_resume: nobody knows of the wait any more. How it ended.
    Wake end() noexcept {
        if (begun()) leave([] {});
        return result();
    }
    // The same; throws when it was cancelled.
    Wake end_or_throw() {
        const Wake wake = end();
        if (wake == Wake::cancelled) [[unlikely]]
            throw_cancelled();
        return wake;
    }
    // See WaitPlace::leave(). Requires: begun.
    template <class Then>
    void leave(Then then) noexcept;

    // Ends a wait that was never begun. Nobody else knows of it.
    void settle(Wake how) noexcept {
        handed.store(true, std::memory_order_relaxed);
        claimed.store(static_cast<std::uint8_t>(how), std::memory_order_relaxed);
    }

    const std::int64_t until_ns;
    const std::source_location awaited_at;
};

// First in, first out. All functions require the lock of its place.
class WaitQueue {
  public:
    // False may be out of date: a wait in it may have ended and not left yet.
    bool empty() const noexcept { return ends_.empty(); }
    // nullptr: empty.
    WaitLink* front() const noexcept {
        return empty() ? nullptr : static_cast<WaitLink*>(ends_.next);
    }
    void push_back(WaitLink& link) noexcept { link_before(ends_, link); }
    void push_front(WaitLink& link) noexcept { link_before(*ends_.next, link); }

  private:
    RingEnds ends_;
};

class WaitPlace {
  public:
    enum class At : std::uint8_t { back, front };

    WaitPlace() = default;
    WaitPlace(const WaitPlace&) = delete;
    WaitPlace& operator=(const WaitPlace&) = delete;
    // Requires: its queues are empty. Waits a few instructions for those on their way to leave().
    ~WaitPlace() {
        for (int spins = 0; !all_left(); ++spins) {
            if (spins < 64)
                cpu_relax();
            else
                sched_yield();
        }
    }

    // Begins the wait of the running task. True: suspend, and touch nothing of the awaiter any
    // more; false: it was cancelled. Requires: the lock.
    bool park(WaitQueue& queue, Wait& wait, FrameBase& frame, WaitReason reason,
              At at = At::back) noexcept {
        // Before begin_wait: whoever resumes the task meanwhile has to wait in leave() for us.
        wait.place.store(this, std::memory_order_relaxed);
        const Begun begun = begin_wait(frame, reason, wait.awaited_at, wait);
        if (begun == Begun::cancelled) {
            wait.place.store(nullptr, std::memory_order_relaxed);
            wait.task = nullptr;
            return false;
        }
        // Also when it is taken: by the link alone the place knows that somebody comes to leave().
        if (at == At::back)
            queue.push_back(wait);
        else
            queue.push_front(wait);
        if (begun == Begun::parked && wait.until_ns != kNoDeadline_ns)
            arm_timer(wait, wait.until_ns);
        return true;
    }

    // Takes out the first link whose wait is still open; those that ended otherwise are passed
    // over. Who gets it hands over what there is, and calls wake(). Requires: the lock.
    WaitLink* take(WaitQueue& queue, Wake how) noexcept {
        while (!queue.empty()) {
            if (WaitLink* link = take_front(queue, how)) return link;
        }
        return nullptr;
    }
    // The same for the first link only. nullptr: it was passed over. Requires: the lock, and that
    // the queue is not empty.
    WaitLink* take_front(WaitQueue& queue, Wake how) noexcept {
        WaitLink* link = queue.front();
        unlink(*link);
        if (link->waiter->claim(how)) [[likely]] {
            link->taken = true;
            link->place.store(nullptr, std::memory_order_relaxed);
            return link;
        }
        pass_over(*link);
        return nullptr;
    }

    // Lets the task of a taken link run. True: call notify_scheduler() without the lock. Requires:
    // the lock.
    [[nodiscard]] static bool wake(WaitLink& link) noexcept {
        Waiter& waiter = *link.waiter;
        if (!tls.proc) [[unlikely]]
            return make_runnable_outside(waiter);
        TaskRecord* task = waiter.task;
        waiter.handed.store(true, std::memory_order_release);
        return make_runnable(task);
    }

    // Makes a change under the lock. change() -> true: somebody woken has to be told of without it.
    template <class Change>
    void update(Change change) {
        bool notify = false;
        {
            std::lock_guard guard(lock);
            notify = change();
        }
        // The place may be gone.
        if (notify) notify_scheduler();
    }

    // Ends all waits of the queue. True: call notify_scheduler() without the lock. Requires: the
    // lock.
    bool wake_all(WaitQueue& queue, Wake how) noexcept {
        bool notify = false;
        while (WaitLink* link = take(queue, how)) notify |= wake(*link);
        return notify;
    }

    // Called by destructors: to destroy what tasks still wait for is a bug, but at the end of the
    // runtime, which destroys both in any order.
    void abandon(WaitQueue& queue, const char* message) noexcept {
        std::lock_guard guard(lock);
        while (WaitLink* link = take(queue, Wake::closed)) {
            PF_CHECK(tls.tearing_down, message);
            (void)wake(*link);
        }
    }

    // After this neither a timer nor a waker knows of the wait. It must have ended, or its task is
    // being destroyed. then() is called under the lock if the place might have counted on the wait.
    template <class Then>
    static void leave(WaitLink& link, Then then) noexcept {
        if (tls.tearing_down) [[unlikely]]
            end_wait(*link.waiter);
        // Acquire pairs with pass_over().
        if (!link.place.load(std::memory_order_acquire)) return;
        WaitPlace* place = link.place.exchange(nullptr, std::memory_order_acq_rel);
        if (!place) return;
        // The thread that ran park() may still be in it: this lock waits for it.
        std::lock_guard guard(place->lock);
        if (link.expected)
            --place->leaving_;
        else if (link.next)
            unlink(link);
        then();
    }

    SpinLock lock;

    // For a frame that is destroyed where it waits: an outside thread may be about to hand
    // something over to it.
    static void end_wait(Waiter& waiter) noexcept {
        if (waiter.claim(Wake::cancelled)) return;
        if (waiter.result() != Wake::ready && waiter.result() != Wake::closed) return;
        while (!waiter.handed.load(std::memory_order_acquire)) cpu_relax();
    }

  private:
    void pass_over(WaitLink& link) noexcept {
        if (link.place.exchange(nullptr, std::memory_order_acq_rel)) return;
        // It was faster and comes to leave(): until then it is there.
        link.expected = true;
        ++leaving_;
    }
    bool all_left() noexcept {
        std::lock_guard guard(lock);
        return leaving_ == 0;
    }

    std::uint32_t leaving_ = 0;  // waits passed over that are on their way to leave()
};

template <class Then>
void Wait::leave(Then then) noexcept {
    WaitPlace::leave(static_cast<WaitLink&>(*this), then);
    // After the link, when it is certain to have been armed.
    if (heap.load(std::memory_order_acquire)) TimerHeap::disarm(*this);
    task = nullptr;
}

// An operation that was ready at once counts: a task that had its share gives way. True: it is
// suspended, and runs again soon.
inline bool give_way(FrameBase& frame, const std::source_location& where) noexcept {
    if (!budget_exhausted()) [[likely]]
        return false;
    yield_running(begin_wait(frame, WaitReason::yield, where));
    return true;
}

template <class Attempt>
bool Wait::begin(WaitPlace& in, WaitQueue& queue, FrameBase& frame, WaitReason reason,
                 Attempt attempt) {
    if (cancel_requested()) [[unlikely]] {
        settle(Wake::cancelled);
        return false;
    }
    {
        std::lock_guard guard(in.lock);
        const Wake wake = attempt();
        if (wake == Wake::timed_out) return in.park(queue, *this, frame, reason);
        settle(wake);
    }
    return give_way(frame, awaited_at);
}

}  // namespace pilotfish::core
