// Condition: waits until something that a Mutex guards has become true.
//
//     Mutex::Guard guard = co_await mutex.lock();
//     while (queue.empty()) co_await not_empty.wait(guard);          // the mutex is free meanwhile
//
// The guard holds the mutex again when wait() ends, however it ends; who is woken must look again,
// as others may have been faster. A Channel or an Event is mostly the better choice.
//
// Thread-safety: wait: tasks; notify_one, notify_all: any thread. Ownership: must outlive its
// waits; to destroy it while tasks wait is a bug and aborts. Suspends: wait, also beyond its
// deadline, until the mutex is free. Fails: wait throws Cancelled, with the mutex held; a
// notification that came at the same moment counts, and the next wait throws.
#pragma once

#include "core/mutex.h"

namespace pilotfish::core {

class Condition {
  public:
    Condition() = default;
    Condition(const Condition&) = delete;
    Condition& operator=(const Condition&) = delete;
    ~Condition() { place_.abandon(queue_, "a Condition was destroyed while tasks wait for it"); }

    // Wake::ready or timed_out. Requires: guard holds; it stays where it is.
    Task<Wake> wait(Mutex::Guard& guard, Deadline deadline = {});
    void notify_one() noexcept;
    void notify_all() noexcept;

  private:
    class Parked;
    struct Park;

    WaitPlace place_;
    WaitQueue queue_;
};

}  // namespace pilotfish::core
