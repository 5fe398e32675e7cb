// Semaphore: so many permits, handed out in the order of asking, several at a time if need be.
//
//     Semaphore slots(8);
//     Permit permit = co_await slots.acquire();      // given back at the end of the scope
//     Permit three = co_await slots.acquire(3, deadline);            // false: timed out
//
// Who asks for many is not passed over by those who ask for few. As a signal between tasks:
// acquire() here and forget() the permit, release() there.
//
// Thread-safety: acquire: tasks; the rest: any thread. Ownership: must outlive its permits and
// waits; to destroy it while tasks wait is a bug and aborts. Suspends: acquire. Fails: acquire
// throws Cancelled, never with a permit lost: one that was given at the same moment is returned and
// the next wait throws.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>
#include <utility>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class Semaphore;

// Permits that are held, or nothing.
class [[nodiscard]] Permit {
  public:
    Permit() = default;
    Permit(Permit&& other) noexcept
        : semaphore_(std::exchange(other.semaphore_, nullptr)), count_(other.count_) {}
    Permit& operator=(Permit&& other) noexcept {
        if (this != &other) {
            release();
            semaphore_ = std::exchange(other.semaphore_, nullptr);
            count_ = other.count_;
        }
        return *this;
    }
    ~Permit() { release(); }

    explicit operator bool() const noexcept { return semaphore_ != nullptr; }
    // Gives back before the destructor does. Again: nothing.
    void release() noexcept;
    // Never gives back.
    void forget() noexcept { semaphore_ = nullptr; }

  private:
    friend Semaphore;
    Permit(Semaphore& semaphore, std::int64_t count) noexcept
        : semaphore_(&semaphore), count_(count) {}

    Semaphore* semaphore_ = nullptr;
    std::int64_t count_ = 0;
};

class Semaphore {
    class AcquireAwait;
    struct [[nodiscard]] Acquire {
        Semaphore* semaphore;
        std::int64_t count;
        std::int64_t deadline_ns;
        AcquireAwait awaiter(const std::source_location& where) const noexcept;
    };

  public:
    explicit Semaphore(std::int64_t permits) noexcept : available_(permits) {}
    Semaphore(const Semaphore&) = delete;
    Semaphore& operator=(const Semaphore&) = delete;
    ~Semaphore() { place_.abandon(queue_, "a Semaphore was destroyed while tasks wait for it"); }

    // -> Permit; empty: timed out. Requires: count > 0. More than there will ever be waits for
    // ever.
    Acquire acquire(std::int64_t count = 1, Deadline deadline = {}) noexcept {
        return {this, count, deadline_ns(deadline)};
    }
    // Empty: too few are left, or others wait.
    Permit try_acquire(std::int64_t count = 1) noexcept;
    // May add to the permits there were in the beginning.
    void release(std::int64_t count = 1) noexcept;
    std::int64_t available() const noexcept;

  private:
    bool take_locked(std::int64_t count) noexcept;
    bool grant_locked() noexcept;

    mutable WaitPlace place_;
    WaitQueue queue_;
    std::int64_t available_;
};

inline void Permit::release() noexcept {
    if (Semaphore* semaphore = std::exchange(semaphore_, nullptr)) semaphore->release(count_);
}

class Semaphore::AcquireAwait : Wait {
  public:
    AcquireAwait(Semaphore& semaphore, std::int64_t count, std::int64_t deadline_ns,
                 const std::source_location& where) noexcept
        : Wait(deadline_ns, where), semaphore_(semaphore), count_(count) {}
    ~AcquireAwait() {
        if (begun()) leave();
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    Permit await_resume() {
        if (begun()) leave();
        return end_or_throw() == Wake::ready ? Permit(semaphore_, count_) : Permit();
    }

  private:
    friend Semaphore;
    bool start(FrameBase& frame) noexcept;
    void leave() noexcept;

    Semaphore& semaphore_;
    std::int64_t count_;
};

inline Semaphore::AcquireAwait Semaphore::Acquire::awaiter(
    const std::source_location& where) const noexcept {
    return AcquireAwait(*semaphore, count, deadline_ns, where);
}

}  // namespace pilotfish::core
