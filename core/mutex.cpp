// Go's mutex (sync/mutex.go) for tasks that cannot re-queue themselves when they are woken in vain:
// the waiting lies in a coroutine of its own, lock_slow(), which takes one Turn after the other.
//
// A woken task competes with those that run. It clears kWoken before anything else, so a wake is
// never lost: either it gets the mutex, even when it has been cancelled meanwhile, or somebody else
// holds it and will wake the next one when unlocking.
#include "core/mutex.h"

#include "core/scheduler.h"

namespace pilotfish::core {

namespace {
constexpr std::uint32_t kStarved_ms = 1;  // Go's starvationThresholdNs
constexpr int kSpins = 64;                // 1 to 2 us; Go: 4 times 30
}  // namespace

enum class TurnEnd : std::uint8_t { locked, again, timed_out };

// One wait in the queue.
class Mutex::Turn : Wait {
  public:
    Turn(Mutex& mutex, std::int64_t deadline_ns, std::uint32_t since_ms, bool woken,
         const std::source_location& where) noexcept
        : Wait(deadline_ns, where), mutex_(mutex), since_ms_(since_ms), woken_(woken) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    TurnEnd await_resume() {
        if (end_or_throw() == Wake::timed_out) return TurnEnd::timed_out;
        return locked_ ? TurnEnd::locked : TurnEnd::again;
    }

  private:
    friend Mutex;

    // The coarse clock, which is 0 on a processor that has not looked yet.
    bool starved() const noexcept {
        return static_cast<std::int32_t>(tls.now_ms - since_ms_) >
               static_cast<std::int32_t>(kStarved_ms);
    }

    bool start(FrameBase& frame) noexcept {
        Mutex& mutex = mutex_;
        std::lock_guard guard(mutex.place_.lock);
        std::atomic<std::uint32_t>& state = mutex.state_;
        if (woken_) state.fetch_and(~kWoken, std::memory_order_relaxed);
        std::uint32_t seen = state.load(std::memory_order_relaxed);
        std::uint32_t wanted = 0;
        do {
            wanted = seen | kLocked;
            if (seen & kLocked) wanted |= kWaiters | (woken_ && starved() ? kStarving : 0);
        } while (!state.compare_exchange_weak(seen, wanted, std::memory_order_acquire,
                                              std::memory_order_relaxed));
        if (!(seen & kLocked)) {
            locked_ = true;
            settle(Wake::ready);
            return false;
        }
        // It is locked, and its holder now comes to the queue.
        return mutex.place_.park(mutex.queue_, *this, frame, WaitReason::mutex,
                                 woken_ ? WaitPlace::At::front : WaitPlace::At::back);
    }

    Mutex& mutex_;
    std::uint32_t since_ms_;  // of the first turn
    bool woken_;              // by unlock(), for this turn
    bool locked_ = false;     // it is ours; written by who wakes us
};

struct Mutex::TakeTurn {
    Mutex* mutex;
    std::int64_t deadline_ns;
    std::uint32_t since_ms;
    bool woken;
    Turn awaiter(const std::source_location& where) const noexcept {
        return Turn(*mutex, deadline_ns, since_ms, woken, where);
    }
};

Task<bool> Mutex::lock_slow(Mutex* mutex, std::int64_t deadline_ns) {
    TakeTurn turn{mutex, deadline_ns, tls.now_ms, false};
    for (;;) {
        const TurnEnd end = co_await turn;
        if (end != TurnEnd::again) co_return end == TurnEnd::locked;
        turn.woken = true;
    }
}

// Worth it only while the holder may be running, and nobody else wants this processor.
bool Mutex::spin() noexcept {
    const Scheduler& scheduler = *Scheduler::current();
    if (scheduler.active_procs() - scheduler.idle_procs() < 2 || !tls.proc->queue.empty())
        return false;
    for (int i = 0; i < kSpins; ++i) {
        const std::uint32_t state = state_.load(std::memory_order_relaxed);
        if (state & kStarving) return false;
        if (!(state & kLocked) && take()) return true;
        cpu_relax();
    }
    return false;
}

bool Mutex::LockAwait::start(FrameBase& frame) {
    if (cancel_requested()) [[unlikely]] {
        cancelled_ = true;
        return false;
    }
    if (mutex_.take() || mutex_.spin()) {
        if (tls.budget >= 0) return false;
        yield_running(begin_wait(frame, WaitReason::yield, where));
        return true;
    }
    begin(frame, lock_slow(&mutex_, deadline_ns_));
    return true;
}

void Mutex::unlock_slow() noexcept {
    place_.update([&] { return unlock_locked(); });
}

// True: call notify_scheduler(). Requires: the lock of place_.
bool Mutex::unlock_locked() noexcept {
    const std::uint32_t state = state_.load(std::memory_order_relaxed);
    PF_CHECK(state & kLocked, "unlock of a Mutex that is not locked");
    const bool hand_over = state & kStarving;
    // Not a second one while one that was woken is still on its way.
    WaitLink* link = hand_over || !(state & kWoken) ? place_.take(queue_, Wake::ready) : nullptr;
    const auto* next = static_cast<Turn*>(queue_.front());
    std::uint32_t left = state & kWoken;
    if (next) left |= kWaiters;
    if (link && hand_over) {
        static_cast<Turn*>(link)->locked_ = true;
        left |= kLocked;
        if (next && next->starved()) left |= kStarving;
    } else if (link) {
        left |= kWoken;
    }
    // A plain store: while it is locked nobody changes it without the lock we hold.
    state_.store(left, std::memory_order_release);
    return link && WaitPlace::wake(*link);
}

}  // namespace pilotfish::core
