// Mutex: one task at a time. Unlike a std::mutex it may be held across co_await, and whoever waits
// for it leaves the thread to others.
//
//     Mutex mutex;
//     {
//         Mutex::Guard guard = co_await mutex.lock();
//         ...
//     }
//     Mutex::Guard guard = co_await mutex.lock(deadline);    // false: timed out
//
// Free: one compare-exchange to lock, one to unlock. Held: the task spins for a moment if the
// holder may be running on another processor, then queues. Who unlocks wakes the first in the queue
// but leaves the mutex free, so that a running task need not wait for a sleeping one to come; once
// a task has been passed over for a millisecond, it is handed over instead, in the order of the
// queue, until no one in it has waited that long (the two modes of Go's sync.Mutex).
//
// Thread-safety: lock: tasks; try_lock, unlock: any thread. The guard may be moved to another task.
// Ownership: must outlive its guards and waits; to destroy it while tasks wait is a bug and aborts.
// Suspends: lock. Fails: lock throws Cancelled, never with the mutex held; a lock that was given at
// the same moment is returned and the next wait throws. Not recursive.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <source_location>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/held.h"
#include "core/slow_path.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class Mutex {
    struct Unlock {
        static void let_go(Mutex& mutex) noexcept { mutex.unlock(); }
    };
    class LockAwait;
    struct [[nodiscard]] Lock {
        Mutex* mutex;
        std::int64_t deadline_ns;
        LockAwait awaiter(const std::source_location& where) const noexcept;
    };

  public:
    using Guard = Held<Mutex, Unlock>;

    Mutex() = default;
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;
    ~Mutex() { place_.abandon(queue_, "a Mutex was destroyed while tasks wait for it"); }

    // -> Guard; empty: timed out.
    Lock lock(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }
    // Empty: it is held.
    Guard try_lock() noexcept { return take() ? Guard(*this) : Guard(); }
    // By Guard; or for who has released its hold by hand. Requires: locked.
    void unlock() noexcept {
        std::uint32_t only_locked = kLocked;
        if (!state_.compare_exchange_strong(only_locked, 0, std::memory_order_release,
                                            std::memory_order_relaxed)) [[unlikely]]
            unlock_slow();
    }

  private:
    friend class Condition;
    class Turn;
    struct TakeTurn;

    // All but kLocked change under the lock of place_ only; kLocked is set by anyone who finds it
    // clear, and cleared by the holder.
    static constexpr std::uint32_t kLocked = 1;
    static constexpr std::uint32_t kWaiters = 2;   // unlock() must look into the queue
    static constexpr std::uint32_t kWoken = 4;     // one that was woken is on its way
    static constexpr std::uint32_t kStarving = 8;  // hand over; set only while locked

    bool take() noexcept {
        std::uint32_t state = 0;
        while (!state_.compare_exchange_weak(state, state | kLocked, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
            if (state & kLocked) return false;
        }
        return true;
    }
    bool spin() noexcept;
    void unlock_slow() noexcept;
    bool unlock_locked() noexcept;
    // False: timed out.
    static Task<bool> lock_slow(Mutex* mutex, std::int64_t deadline_ns);

    std::atomic<std::uint32_t> state_{0};
    WaitPlace place_;
    WaitQueue queue_;
};

class Mutex::LockAwait : SlowPath<bool> {
  public:
    LockAwait(Mutex& mutex, std::int64_t deadline_ns, const std::source_location& place) noexcept
        : SlowPath(place), mutex_(mutex), deadline_ns_(deadline_ns) {}

    bool await_ready() noexcept {
        return !cancel_requested() && !budget_exhausted() && mutex_.take();
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    Guard await_resume() {
        if (begun() && !finish()) return {};
        if (cancelled_) [[unlikely]]
            throw_cancelled();
        return Guard(mutex_);
    }

  private:
    bool start(FrameBase& frame);

    Mutex& mutex_;
    std::int64_t deadline_ns_;
    bool cancelled_ = false;
};

inline Mutex::LockAwait Mutex::Lock::awaiter(const std::source_location& where) const noexcept {
    return LockAwait(*mutex, deadline_ns, where);
}

}  // namespace pilotfish::core
