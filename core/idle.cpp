// Going to sleep and being woken.
//
// The idea: a task in a processor's ring is never at risk, because a processor is given up only
// with an empty ring. So the one dangerous race is between a thread that puts a task into the
// injection queue and the last machine that falls asleep. Both sides write first and look second:
//
//     outside thread (notify)                 machine (give_up_proc)
//     ---------------------------             ---------------------------
//     push into the injection queue           running_ -= 1
//     fence                                   fence
//     running_ == 0 ? wake somebody           queue not empty ? take a processor again
//
// One of them must see the other. The same pattern holds for timers between a machine that falls
// asleep on its futex and the one that sleeps in epoll_wait until poll_until_ns_ (sleep and
// sleep_in_poller).
//
// Rejected: waking on every push (each small fork then pays 7-9 us and the work moves to a cold
// core: the tenfold loss of every C++ library at two threads); a ticking monitor thread (an idle
// daemon must not wake up); one eventcount for all (which thread wakes is then the kernel's choice,
// not the coolest cache's).
#include <new>

#include "core/scheduler.h"

namespace pilotfish::core {

bool Scheduler::anything_to_do() const noexcept {
    return injection_.size() > 0 || stopping_.load(std::memory_order_acquire);
}

void Scheduler::stop_searching(Machine& self) noexcept {
    if (!self.searching) return;
    self.searching = false;
    searching_.fetch_sub(1, std::memory_order_seq_cst);
}

// Requires: idle_lock_.
Proc* Scheduler::take_idle_proc_locked() noexcept {
    if (Proc* proc = idle_procs_) {
        idle_procs_ = proc->next_idle;
        proc->idle = false;
        proc->held = true;  // at once: max_procs() must not find it free before hold_proc()
        idle_count_.fetch_sub(1, std::memory_order_relaxed);
        return proc;
    }
    const int made = made_procs();
    if (made >= active_procs()) return nullptr;
    Proc* proc = new (std::nothrow) Proc(static_cast<std::uint32_t>(made));
    if (!proc) return nullptr;
    proc->held = true;
    procs_[made].store(proc, std::memory_order_release);
    made_.store(made + 1, std::memory_order_release);
    idle_count_.fetch_sub(1, std::memory_order_relaxed);
    return proc;
}

// Requires: idle_lock_. Not tls: the machine may be another thread's.
void Scheduler::hold_proc(Machine& self, Proc* proc) noexcept {
    self.proc = proc;
    proc->held = true;
    proc->now_ns = monotonic_ns();
    proc->backlog_ns = 0;
    proc->ring_was_empty = true;
    proc->interval = 1;
    proc->steps_left = 1;
    running_.fetch_add(1, std::memory_order_seq_cst);
    watcher.busy_locked(proc->now_ns);
}

bool Scheduler::acquire_proc(Machine& self) noexcept {
    {
        std::lock_guard guard(idle_lock_);
        Proc* proc = take_idle_proc_locked();
        if (!proc) return false;
        hold_proc(self, proc);
    }
    tls.proc = self.proc;
    tls.frames = &self.proc->frames;
    return true;
}

// Requires: idle_lock_.
void Scheduler::put_back_locked(Proc& proc) noexcept {
    proc.held = false;
    if (static_cast<int>(proc.index) >= active_procs()) return;
    proc.idle = true;
    proc.next_idle = idle_procs_;
    idle_procs_ = &proc;
    idle_count_.fetch_add(1, std::memory_order_relaxed);
}

// Requires: idle_lock_. The processor's queue is empty.
void Scheduler::let_go_locked(Machine& self) noexcept {
    Proc* proc = self.proc;
    self.proc = nullptr;
    tls.proc = nullptr;
    tls.frames = nullptr;
    if (proc->lent) take_back_locked(*proc);
    put_back_locked(*proc);
    running_.fetch_sub(1, std::memory_order_seq_cst);
    watcher.idle_locked(proc->now_ns);
}

void Scheduler::give_up_proc(Machine& self) noexcept {
    {
        std::lock_guard guard(idle_lock_);
        let_go_locked(self);
    }
    const bool searched = self.searching;
    stop_searching(self);
    watcher.tell_failure();
    // Pairs with the fence in notify(): one side must see the other.
    full_fence();
    if (anything_to_do() && acquire_proc(self)) {
        if (searched && !stopping_.load(std::memory_order_relaxed)) {
            self.searching = true;
            searching_.fetch_add(1, std::memory_order_seq_cst);
        }
        return;
    }
    if (stopping_.load(std::memory_order_acquire)) return;
    sleep(self);
}

void Scheduler::retire_proc(Machine& self) noexcept {
    Proc& proc = *self.proc;
    injection_.push(proc.queue.pop_all());
    proc.timers.move_to(this->proc(0)->timers);
    proc.frames.flush();
    {
        std::lock_guard guard(idle_lock_);
        let_go_locked(self);
    }
    stop_searching(self);
    notify();
    // A machine of a retired processor is one more hand for the others' work.
    if (anything_to_do()) acquire_proc(self);
}

void Scheduler::sleep(Machine& self) {
    self.parks.add();
    if (poller.own()) {
        sleep_in_poller(self);
        return;
    }
    // Pairs with the fence in sleep_in_poller: either its owner sees our timers or we see how long
    // it means to sleep.
    full_fence();
    const std::int64_t until = poll_until_ns_.load(std::memory_order_relaxed);
    if (until > earliest_timer_ns()) poller.kick();
    {
        std::lock_guard guard(idle_lock_);
        if (stopping_.load(std::memory_order_acquire)) return;
        self.next_idle = idle_machines_;
        idle_machines_ = &self;
    }
    self.parker.park();
    if (self.proc) {
        tls.proc = self.proc;
        tls.frames = &self.proc->frames;
    }
}

std::int64_t Scheduler::earliest_timer_ns() const noexcept {
    std::int64_t earliest = TimerHeap::kNever;
    each_proc([&](const Proc& proc) {
        const std::int64_t ns = proc.timers.earliest_ns();
        if (ns < earliest) earliest = ns;
    });
    return earliest;
}

std::int64_t Scheduler::scan_before_poll() noexcept {
    // Until the scan below is done everybody who parks has to kick.
    poll_until_ns_.store(TimerHeap::kNever, std::memory_order_relaxed);
    full_fence();
    if (idle_count_.load(std::memory_order_relaxed) <= 0) {
        // All processors are held: their holders see to timers and queue, and a look of ours could
        // do nothing about either. Who gives one up finds poll_until_ns_ at kNever and kicks.
        return stopping_.load(std::memory_order_acquire) ? 0 : -1;
    }
    const std::int64_t earliest = earliest_timer_ns();
    std::int64_t timeout_ns = -1;
    if (earliest != TimerHeap::kNever) {
        const std::int64_t left = earliest - now_ns();
        // A manual clock moves by advance(), which kicks.
        if (left <= 0)
            timeout_ns = 0;
        else if (!manual_clock_)
            timeout_ns = left;
    }
    poll_until_ns_.store(earliest, std::memory_order_seq_cst);
    return anything_to_do() ? 0 : timeout_ns;
}

void Scheduler::sleep_in_poller(Machine& self) {
    const std::int64_t timeout_ns = scan_before_poll();
    TaskList ready;
    poller.wait(timeout_ns, ready);
    poll_until_ns_.store(0, std::memory_order_seq_cst);
    poller.disown();
    polls.fetch_add(1, std::memory_order_relaxed);
    const bool stopping = stopping_.load(std::memory_order_acquire);
    if (!stopping && acquire_proc(self)) {
        Proc& proc = *self.proc;
        last_poll_ns_.store(proc.now_ns, std::memory_order_relaxed);
        push_local(proc, ready);
        fire_timers(proc, true);
        return;
    }
    // All processors are busy, or have been taken away: they will look into the injection queue.
    if (ready.size > 0) {
        injection_.push(ready);
        notify();
    }
}

void Scheduler::notify() noexcept {
    // Pairs with the fence in give_up_proc().
    full_fence();
    if (running_.load(std::memory_order_relaxed) > 0) {
        // Somebody runs and will look into the queue within 61 steps, of unknown length. If a
        // thread sleeps while a processor is free, it may do it sooner, and is the next to sleep in
        // the poller; a thread is never made for this.
        if (idle_count_.load(std::memory_order_relaxed) <= 0 ||
            searching_.load(std::memory_order_relaxed) != 0)
            return;
        if (poll_until_ns_.load(std::memory_order_relaxed) != 0)
            poller.kick();
        else if (machines_made.load(std::memory_order_relaxed) > 1)
            (void)wake_one(false);
        return;
    }
    wakes.fetch_add(1, std::memory_order_relaxed);
    // Nobody runs, so at least one machine sleeps in the poller or is on its way there; a kick is
    // remembered.
    poller.kick();
}

bool Scheduler::wake_one(bool may_start_thread) noexcept {
    if (idle_count_.load(std::memory_order_relaxed) <= 0 ||
        searching_.load(std::memory_order_relaxed) != 0 ||
        stopping_.load(std::memory_order_relaxed))
        return false;
    Machine* machine = nullptr;
    Proc* proc = nullptr;
    {
        std::lock_guard guard(idle_lock_);
        if (stopping_.load(std::memory_order_relaxed)) return false;
        if (idle_machines_ == nullptr && poll_until_ns_.load(std::memory_order_relaxed) != 0) {
            wakes.fetch_add(1, std::memory_order_relaxed);
            poller.kick();  // it takes a processor by itself
            return true;
        }
        if (!idle_machines_ &&
            (!may_start_thread || (no_thread_until_ns_ && monotonic_ns() < no_thread_until_ns_)))
            return false;
        proc = take_idle_proc_locked();
        if (!proc) return false;
        searching_.fetch_add(1, std::memory_order_seq_cst);
        machine = idle_machines_;
        if (machine) {
            idle_machines_ = machine->next_idle;
            machine->searching = true;
            hold_proc(*machine, proc);
        }
    }
    wakes.fetch_add(1, std::memory_order_relaxed);
    if (!machine) return start_machine(proc);
    machine->parker.unpark();
    return true;
}

void Scheduler::request_stop() noexcept {
    Machine* sleepers = nullptr;
    {
        std::lock_guard guard(idle_lock_);
        stopping_.store(true, std::memory_order_seq_cst);
        sleepers = idle_machines_;
        idle_machines_ = nullptr;
        each_proc([](Proc& proc) { proc.attention.store(true, std::memory_order_release); });
        wake_locked_waiters();
    }
    while (sleepers) {
        Machine* next = sleepers->next_idle;
        sleepers->parker.unpark();
        sleepers = next;
    }
    poller.kick();
}

int Scheduler::max_procs(int n) {
    if (n < 1) return wanted_procs();
    if (n > kMaxProcs) n = kMaxProcs;
    int before = 0;
    {
        std::lock_guard guard(idle_lock_);
        before = max_procs_.exchange(n, std::memory_order_seq_cst);
        resize_locked(n + lent_procs());
    }
    // The sleeper in the poller may have scanned while timers were between two heaps, or while no
    // processor was free: it scans again.
    if (n != before) poller.kick();
    if (n > before && injection_.size() > 0) (void)wake_one(true);
    return before;
}

// Requires: idle_lock_. The list of idle ones is made anew: retired ones come back, those beyond n
// leave. The latter's timers go to processor 0; the sleeper in the poller has reckoned with them
// wherever they lie, once it is kicked.
void Scheduler::resize_locked(int n) noexcept {
    if (n > kMaxProcs) n = kMaxProcs;
    active_.store(n, std::memory_order_seq_cst);
    idle_procs_ = nullptr;
    int idle = n > made_procs() ? n - made_procs() : 0;
    for (int i = made_procs() - 1; i >= 0; --i) {
        Proc& proc = *this->proc(i);
        proc.idle = !proc.held && i < n;
        if (proc.idle) {
            proc.next_idle = idle_procs_;
            idle_procs_ = &proc;
            ++idle;
        } else if (!proc.held) {
            proc.timers.move_to(this->proc(0)->timers);
        } else if (i >= n) {
            proc.attention.store(true, std::memory_order_release);
        }
    }
    idle_count_.store(idle, std::memory_order_relaxed);
}

}  // namespace pilotfish::core
