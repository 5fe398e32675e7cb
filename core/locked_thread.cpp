// A locked task is queued like any other. Whoever takes it from a queue and is not its thread hands
// it over: with an idle processor, or with its own when there is none, so that no task waits longer
// for being locked. The locked thread takes part in nothing else: when its task's step has ended it
// pours its ring into the injection queue, gives its processor up and waits for the task on its
// futex.
//
// The dangerous race is a task that is woken, and taken by another thread, before its own thread
// has got around to waiting. So the locked thread gives its processor up and begins to wait in one
// section of idle_lock_; whoever comes before that finds it not waiting and leaves the task with
// it, and the thread looks for one first.
//
// Rejected: a queue a thread (every thief would have to know of it); checking in each step whether
// the thread is locked (every task would pay: instead Proc::attention is raised before each locked
// step).
#include "core/locked_thread.h"

#include <time.h>

#include "core/check.h"
#include "core/scheduler.h"

namespace pilotfish::core {

// Requires: idle_lock_. The machine whose thread this is.
Machine& Scheduler::this_machine_locked() noexcept {
    Machine* machine = machines_.load(std::memory_order_acquire);
    while (machine && machine->state != &tls) machine = machine->next_made;
    PF_CHECK(machine, "not a thread of the runtime");
    return *machine;
}

void Scheduler::lock_thread() noexcept {
    std::lock_guard guard(idle_lock_);
    Machine& self = this_machine_locked();
    ++self.locks;
    self.locked_task = tls.task;
    tls.task->locked = true;
    // The step's end must not take another task.
    self.proc->attention.store(true, std::memory_order_release);
}

void Scheduler::unlock_thread() noexcept {
    std::lock_guard guard(idle_lock_);
    Machine& self = this_machine_locked();
    if (self.locks == 0 || --self.locks > 0) return;
    self.locked_task = nullptr;
    tls.task->locked = false;
}

// The record is about to go.
void Scheduler::end_locked(TaskRecord& task) noexcept {
    std::lock_guard guard(idle_lock_);
    Machine& self = this_machine_locked();
    self.locks = 0;
    self.locked_task = nullptr;
    self.tainted = true;
    task.locked = false;
}

// Returns what this thread may run instead.
TaskRecord* Scheduler::pass_on_locked(Machine& self, TaskRecord* task) {
    stop_searching(self);  // a woken thread's first task may come without
    while (task && task->locked && self.locked_task != task) {
        hand_over(self, task);
        task = self.proc ? next_task(self) : find_work(self);
    }
    return task;
}

void Scheduler::hand_over(Machine& self, TaskRecord* task) noexcept {
    if (task == self.proc->sampled) self.proc->sampled = nullptr;
    Machine* target = nullptr;
    {
        std::lock_guard guard(idle_lock_);
        target = machines_.load(std::memory_order_acquire);
        while (target && target->locked_task != task) target = target->next_made;
        PF_CHECK(target, "a locked task has no thread");
        if (!target->waits_locked) {
            target->handed_over = task;  // it is on its way to wait
            return;
        }
        if (self.proc->lent) take_back_locked(*self.proc);
        Proc* proc = take_idle_proc_locked();
        if (!proc && static_cast<int>(self.proc->index) < active_procs()) {
            // Its ring goes along, and is poured out after one step.
            let_go_locked(self);
            proc = take_idle_proc_locked();
        }
        if (!proc) {
            // Ours is to retire, all others are held: by threads that will look here.
            injection_.push(task);
            return;
        }
        target->handed_over = task;
        target->waits_locked = false;
        hold_proc(*target, proc);
    }
    wakes.fetch_add(1, std::memory_order_relaxed);
    target->parker.unpark();
}

// The step of this thread's task has ended, or the task has. nullptr: so must the thread.
TaskRecord* Scheduler::await_locked(Machine& self) {
    Proc& proc = *self.proc;
    stop_searching(self);
    proc.steps_left = 1;
    tick(self);
    const TaskList all = proc.queue.pop_all();
    if (all.size == 1 && all.head == self.locked_task && injection_.size() == 0 &&
        static_cast<int>(proc.index) < active_procs()) {
        proc.attention.store(true, std::memory_order_release);
        return all.head;
    }
    injection_.push(all);
    {
        std::lock_guard guard(idle_lock_);
        if (TaskRecord* task = std::exchange(self.handed_over, nullptr)) {
            proc.attention.store(true, std::memory_order_release);
            return task;
        }
        let_go_locked(self);
        if (stopping_.load(std::memory_order_relaxed)) return nullptr;
        self.waits_locked = true;
    }
    leave_to_others(self);
    if (self.tainted && &self != &first_machine_) return nullptr;
    self.parks.add();
    // Each end of the waiting comes with one unpark(), which must not be left for a later sleep.
    for (bool waits = true; waits;) {
        self.parker.park();
        std::lock_guard guard(idle_lock_);
        if (stopping_.load(std::memory_order_relaxed)) return nullptr;
        waits = self.waits_locked;
    }
    tls.proc = self.proc;
    tls.frames = &self.proc->frames;
    self.proc->attention.store(true, std::memory_order_release);
    return std::exchange(self.handed_over, nullptr);
}

// This thread has given its processor up, and will not sleep in the poller: somebody else must.
void Scheduler::leave_to_others(const Machine& self) noexcept {
    for (;;) {
        // Pairs with the fences in notify() and sleep_in_poller().
        full_fence();
        if (poll_until_ns_.load(std::memory_order_relaxed) > earliest_timer_ns()) poller.kick();
        if (!anything_to_do() && poller.owned()) return;
        if (wake_one(true) || running_.load(std::memory_order_relaxed) > 0 || poller.owned())
            return;
        // No thread can be made, and there is no other: until one can be, or the task is handed
        // over.
        {
            std::lock_guard guard(idle_lock_);
            if (!self.waits_locked || stopping_.load(std::memory_order_relaxed)) return;
        }
        constexpr timespec kRetry{0, 10'000'000};
        nanosleep(&kRetry, nullptr);
    }
}

// Requires: idle_lock_. A stop, which all those must see that wait for their task.
void Scheduler::wake_locked_waiters() noexcept {
    for (Machine* machine = machines_.load(std::memory_order_acquire); machine;
         machine = machine->next_made) {
        if (machine->waits_locked) machine->parker.unpark();
    }
}

void lock_os_thread() noexcept {
    PF_CHECK(tls.task, "lock_os_thread outside of a task");
    Scheduler::current()->lock_thread();
}

void unlock_os_thread() noexcept {
    if (tls.tearing_down) return;  // the task is destroyed where it waited
    PF_CHECK(tls.task, "unlock_os_thread outside of a task");
    Scheduler::current()->unlock_thread();
}

}  // namespace pilotfish::core
