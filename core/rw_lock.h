// RwLock: many readers or one writer, as Go's sync.RWMutex.
//
//     RwLock lock;
//     { RwLock::ReadGuard guard = co_await lock.read(); ... }
//     { RwLock::WriteGuard guard = co_await lock.write(); ... }
//     RwLock::WriteGuard guard = co_await lock.write(deadline);      // false: timed out
//
// A writer that waits keeps new readers out, so that it is not starved; when it is done the readers
// that came meanwhile go first, all together, so that neither are they. Always handed over, in
// order: under contention a Mutex is faster for short sections. Do not read-lock twice in one task:
// a writer between the two stops both.
//
// Thread-safety: read, write: tasks; the rest: any thread. Ownership: must outlive its guards and
// waits; to destroy it while tasks wait is a bug and aborts. Suspends: read, write. Fails: read and
// write throw Cancelled, never with the lock held; a lock that was given at the same moment is
// returned and the next wait throws.
#pragma once

#include <coroutine>
#include <cstdint>
#include <source_location>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/held.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class RwLock {
    struct Read {
        static void let_go(RwLock& lock) noexcept { lock.read_unlock(); }
    };
    struct Write {
        static void let_go(RwLock& lock) noexcept { lock.write_unlock(); }
    };
    class LockAwait;
    template <class Guard>
    class GuardAwait;
    template <class Guard>
    struct [[nodiscard]] Lock {
        RwLock* lock;
        std::int64_t deadline_ns;
        GuardAwait<Guard> awaiter(const std::source_location& where) const noexcept;
    };

  public:
    using ReadGuard = Held<RwLock, Read>;
    using WriteGuard = Held<RwLock, Write>;

    RwLock() = default;
    RwLock(const RwLock&) = delete;
    RwLock& operator=(const RwLock&) = delete;
    ~RwLock() {
        place_.abandon(waiting_readers_, "a RwLock was destroyed while tasks wait to read");
        place_.abandon(waiting_writers_, "a RwLock was destroyed while tasks wait to write");
    }

    // -> ReadGuard; empty: timed out.
    Lock<ReadGuard> read(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }
    // -> WriteGuard; empty: timed out.
    Lock<WriteGuard> write(Deadline deadline = {}) noexcept {
        return {this, deadline_ns(deadline)};
    }
    // Empty: it would have to wait.
    ReadGuard try_read() noexcept;
    WriteGuard try_write() noexcept;

  private:
    bool take_locked(bool writes) noexcept;
    bool admit_readers_locked() noexcept;
    bool admit_writer_locked() noexcept;
    void read_unlock() noexcept;
    void write_unlock() noexcept;

    WaitPlace place_;
    bool writing_ = false;
    std::uint32_t readers_ = 0;
    WaitQueue waiting_readers_;
    WaitQueue waiting_writers_;
};

class RwLock::LockAwait : protected Wait {
  public:
    LockAwait(RwLock& lock, std::int64_t deadline_ns, bool writes,
              const std::source_location& where) noexcept
        : Wait(deadline_ns, where), lock_(lock), writes_(writes) {}
    ~LockAwait() {
        if (begun()) leave();
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }

  protected:
    // False: timed out.
    bool finish() {
        if (begun()) leave();
        return end_or_throw() == Wake::ready;
    }
    RwLock& lock_;

  private:
    bool start(FrameBase& frame) noexcept;
    void leave() noexcept;

    bool writes_;
};

template <class Guard>
class RwLock::GuardAwait : public LockAwait {
  public:
    using LockAwait::LockAwait;
    Guard await_resume() { return finish() ? Guard(lock_) : Guard(); }
};

template <class Guard>
RwLock::GuardAwait<Guard> RwLock::Lock<Guard>::awaiter(
    const std::source_location& where) const noexcept {
    return GuardAwait<Guard>(*lock, deadline_ns, std::is_same_v<Guard, WriteGuard>, where);
}

}  // namespace pilotfish::core
