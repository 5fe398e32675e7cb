#include "core/condition.h"

namespace pilotfish::core {

// Waits in the queue and, once it can be found there, lets the mutex go.
class Condition::Parked : Wait {
  public:
    Parked(Condition& condition, Mutex& mutex, std::int64_t deadline_ns,
           const std::source_location& where) noexcept
        : Wait(deadline_ns, where), condition_(condition), mutex_(mutex) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    Wake await_resume() noexcept { return end(); }

  private:
    bool start(FrameBase& frame) noexcept {
        // Woken, the task locks the mutex before anything else: it cannot be gone before we have
        // let go of it.
        Mutex& mutex = mutex_;
        bool parked = false;
        {
            std::lock_guard guard(condition_.place_.lock);
            parked = condition_.place_.park(condition_.queue_, *this, frame, WaitReason::condition);
        }
        mutex.unlock();
        return parked;
    }

    Condition& condition_;
    Mutex& mutex_;
};

struct Condition::Park {
    Condition* condition;
    Mutex* mutex;
    std::int64_t deadline_ns;
    Parked awaiter(const std::source_location& where) const noexcept {
        return Parked(*condition, *mutex, deadline_ns, where);
    }
};

Task<Wake> Condition::wait(Mutex::Guard& guard, Deadline deadline) {
    PF_CHECK(guard, "Condition::wait without the mutex");
    if (cancel_requested()) throw_cancelled();
    Mutex* mutex = guard.give_up();
    Park park{this, mutex, deadline_ns(deadline)};
    const Wake wake = co_await park;
    {
        Shield shield;
        guard = co_await mutex->lock();
    }
    if (wake == Wake::cancelled) throw_cancelled();
    co_return wake;
}

void Condition::notify_one() noexcept {
    place_.update([&] {
        WaitLink* link = place_.take(queue_, Wake::ready);
        return link && WaitPlace::wake(*link);
    });
}

void Condition::notify_all() noexcept {
    place_.update([&] { return place_.wake_all(queue_, Wake::ready); });
}

}  // namespace pilotfish::core
