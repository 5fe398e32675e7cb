#include "core/outside_call.h"

#include <sched.h>

#include "core/scheduler.h"

namespace pilotfish::core {

// Outlives every scheduler. Both sides write first and look second: the count here, the current
// scheduler in ~Scheduler.
static constinit std::atomic<int> calls{0};

OutsideCall::OutsideCall() noexcept { calls.fetch_add(1, std::memory_order_seq_cst); }
OutsideCall::~OutsideCall() { calls.fetch_sub(1, std::memory_order_release); }

void await_outside_calls() noexcept {
    while (calls.load(std::memory_order_seq_cst) > 0) sched_yield();
}

bool make_runnable_outside(Waiter& waiter) noexcept {
    OutsideCall call;
    TaskRecord* task = waiter.task;
    // From here on the end of the runtime may destroy the task, once it has closed the queue.
    waiter.handed.store(true, std::memory_order_release);
    Scheduler* scheduler = Scheduler::current();
    return scheduler && scheduler->inject_woken(task);
}

void notify_scheduler() noexcept {
    OutsideCall call;
    if (Scheduler* scheduler = Scheduler::current()) scheduler->notify();
}

}  // namespace pilotfish::core
