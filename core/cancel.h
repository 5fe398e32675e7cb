// Cancellation: asking a task to end, from outside of it.
//
//     JoinHandle<> h = spawn(work());
//     h.cancel();                          // any thread; returns at once
//
// The task's present wait, and every later one, ends by throwing Cancelled from its co_await, so
// that destructors run from the innermost frame to the outermost. A task that computes without
// waiting is not interrupted; it may look at cancel_requested(). Nothing is lost by it: a wait that
// had already been given its value keeps it and the next one throws.
//
// Clean-up code that must wait puts a Shield around it:
//
//     { Shield shield; co_await connection.say_goodbye(); }
//
// CancelOn ties the running task to a std::stop_token for a scope. TaskGroup (core/task_group.h)
// cancels all its tasks together.
//
// Thread-safety: request_cancel: any thread, while something keeps the record (a JoinHandle does);
// the rest: the running task. Suspends: nothing. Fails: never.
#pragma once

#include <functional>
#include <stop_token>

#include "core/task_record.h"
#include "core/unwind.h"

namespace pilotfish::core {

void request_cancel(TaskRecord* record) noexcept;

// True: the running task has been asked to end, and no Shield stands before it.
inline bool cancel_requested() noexcept { return tls.task && tls.task->cancel_pending(); }

// While it lives the waits of the task that made it are not cancelled.
class [[nodiscard]] Shield {
  public:
    Shield() noexcept : record_(tls.task) {
        if (record_) ++record_->shields;
    }
    Shield(const Shield&) = delete;
    Shield& operator=(const Shield&) = delete;
    ~Shield() {
        if (record_) --record_->shields;
    }

  private:
    TaskRecord* record_;
};

// While it lives a stop request cancels the task that made it. That cannot be taken back: the task
// stays cancelled.
class [[nodiscard]] CancelOn {
  public:
    explicit CancelOn(std::stop_token token) : callback_(std::move(token), Request{tls.task}) {}

  private:
    struct Request {
        TaskRecord* record;
        void operator()() const noexcept { request_cancel(record); }
    };
    // Its destructor waits for a request that is under way in another thread.
    std::stop_callback<Request> callback_;
};

}  // namespace pilotfish::core
