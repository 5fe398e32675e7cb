#include "core/scheduler.h"

#include <new>
#include <string>
#include <utility>

#include "core/blocking_pool.h"
#include "core/outside_call.h"
#include "core/runtime.h"
#include "core/task.h"
#include "core/xorshift.h"

namespace pilotfish::core {

constinit thread_local ThreadState tls __attribute__((tls_model("initial-exec")));
std::atomic<Scheduler*> Scheduler::current_{nullptr};

namespace {
constexpr std::uint32_t kInjectionInterval = 61;  // Go's prime: no pattern of the program meets it
constexpr std::uint32_t kLifoLimit = 3;           // as Tokio
// Ticks (a look at the clock, 22 ns) come every 16 steps while steps are short, every step when
// not.
constexpr std::uint32_t kLongestInterval = 16;
constexpr std::int64_t kShortInterval_ns = 10'000;
// Behind a long ring what is polled would only wait longer, and has left the cache when it runs: an
// echo server of 512 connections then spends some 8 % more CPU a request. The bounds are chosen.
constexpr std::int64_t kPollInterval_ns = 50'000;
constexpr std::int64_t kLongestPollInterval_ns = 1'000'000;
constexpr std::uint32_t kLongRing = 32;

int latency_bucket(std::int64_t ns) {
    int bucket = 0;
    for (std::int64_t bound = 1000; ns > bound && bucket < kLatencyBuckets - 1; bound *= 4)
        ++bucket;
    return bucket;
}
}  // namespace

Scheduler::Scheduler(const RuntimeOptions& options)
    : blocking(std::make_unique<BlockingPool>(options.max_blocking_threads, options.blocking_idle)),
      manual_clock_(options.clock),
      backlog_to_wake_ns_(options.backlog_to_wake.count()),
      backlog_to_start_ns_(options.backlog_to_start_thread.count()),
      overtaking_ns_(options.overtaking.count()),
      max_procs_(options.processors > 0 ? options.processors : runtime::num_cpu()),
      active_(max_procs_.load()),
      watcher(*this, options) {
    PF_CHECK(active_ <= kMaxProcs, "more processors than the scheduler has places for");
    Scheduler* none = nullptr;
    PF_CHECK(current_.compare_exchange_strong(none, this), "a second Runtime in one process");
    pthread_sigmask(SIG_SETMASK, nullptr, &signal_mask_);
    Proc* first = new Proc(0);
    first->held = true;  // kept for the first machine, which begins with run()
    procs_[0].store(first, std::memory_order_release);
    made_.store(1, std::memory_order_release);
    idle_count_.store(active_ - 1, std::memory_order_relaxed);
}

Scheduler::~Scheduler() {
    // From here on outside threads find no scheduler; those that found it are waited for.
    current_.store(nullptr, std::memory_order_seq_cst);
    await_outside_calls();
    each_proc([](Proc& proc) {
        proc.frames.flush();
        delete &proc;
    });
    FramePool::trim_depot();
    Machine* machine = machines_.load();
    while (machine != &first_machine_) {
        Machine* next = machine->next_made;
        delete machine;
        machine = next;
    }
}

// ---- waking from inside a step ----

bool make_runnable(TaskRecord* task) noexcept {
    task->woken.store(true, std::memory_order_relaxed);
    if (Proc* proc = tls.proc) {
        TaskRecord* displaced = proc->queue.push_lifo(task);
        if (displaced && !proc->queue.push(displaced)) [[unlikely]] {
            TaskList half = proc->queue.pop_half();
            half.push(displaced);
            Scheduler::current()->inject(half);
            (void)Scheduler::current()->wake_one(true);
        }
        return false;
    }
    Scheduler::current()->inject(task);
    return true;
}

void yield_running(TaskRecord* task) noexcept {
    task->woken.store(true, std::memory_order_relaxed);
    if (!tls.proc->queue.push(task)) [[unlikely]]
        Scheduler::current()->inject(task);
}

void await_readers(TaskRecord* task) noexcept {
    for (int spins = 0; task->state.load(std::memory_order_relaxed) & state_word::kReading;
         ++spins) {
        if (spins < 64)
            cpu_relax();
        else
            sched_yield();
    }
}

// ---- the worker's loop ----

void Scheduler::run_task(Machine& self, TaskRecord* task) {
    Proc& proc = *self.proc;
    if (task == proc.sampled) [[unlikely]] {
        proc.sampled = nullptr;
        const std::int64_t waited = monotonic_ns() - proc.sampled_ns;
        proc.latency[latency_bucket(waited)].add();
        proc.latency_sum_ns.add(static_cast<std::uint64_t>(waited));
    }
    enter_running(task);
    task->woken.store(false, std::memory_order_relaxed);
    tls.task = task;
    tls.budget = kOperationBudget;
    FrameBase* frame = task->leaf;
    do {
        tls.next = nullptr;
        frame->handle().resume();
        frame = tls.next;
    } while (frame);
    // The task may be running elsewhere by now, or be gone: only tls speaks of it.
    if (tls.finished) {
        finish_running(proc);
    } else {
        tls.task = nullptr;
        // Any wait but a join ends the walk in depth.
        proc.depth_first = proc.depth_first && proc.joining;
    }
    proc.joining = false;
}

// The order: what the last step handed on (its joiner, the child it joins), the LIFO slot, the
// ring.
TaskRecord* Scheduler::next_task(Machine& self) {
    Proc& proc = *self.proc;
    if (proc.attention.load(std::memory_order_relaxed)) [[unlikely]] {
        put_handed_back(proc);
        return find_work(self);
    }
    if (--proc.steps_left == 0) tick(self);
    if (--proc.steps_to_injection == 0) [[unlikely]] {
        proc.steps_to_injection = kInjectionInterval;
        // One, as Go: with a share the ring would overflow into the injection queue at once again.
        if (TaskRecord* task = injection_.take(1).pop()) {
            put_handed_back(proc);
            return task;
        }
    }
    const bool in_order = proc.steps_in_order > 0;
    if (in_order) [[unlikely]] {
        --proc.steps_in_order;
        put_handed_back(proc);
    }
    if (TaskRecord* task = proc.handed) {
        proc.handed = nullptr;
        return task;
    }
    if (TaskRecord* task = proc.queue.take_lifo()) {
        if (++proc.lifo_streak <= kLifoLimit) return task;
        proc.lifo_streak = 0;
        TaskRecord* other = proc.queue.pop();
        if (!other) return task;
        if (!proc.queue.push(task)) injection_.push(task);
        return other;
    }
    proc.lifo_streak = 0;
    const bool newest = proc.depth_first && !in_order;
    if (TaskRecord* task = newest ? proc.queue.pop_newest() : proc.queue.pop()) return task;
    proc.ring_was_empty = true;
    return find_work(self);
}

void Scheduler::put_handed_back(Proc& proc) noexcept {
    TaskRecord* task = std::exchange(proc.handed, nullptr);
    if (!task) return;
    if (task == proc.sampled) proc.sampled = nullptr;
    if (!proc.queue.push(task)) injection_.push(task);
}

void Scheduler::tick(Machine& self) {
    Proc& proc = *self.proc;
    const std::int64_t now = monotonic_ns();
    const std::int64_t elapsed = now - proc.now_ns;
    proc.now_ns = now;
    tls.now_ms = static_cast<std::uint32_t>(now / 1'000'000);
    proc.ticks.add();
    if (elapsed < kShortInterval_ns) {
        if (proc.interval < kLongestInterval) proc.interval *= 2;
    } else if (elapsed > 4 * kShortInterval_ns) {
        proc.interval = proc.interval > 4 ? proc.interval / 4 : 1;
    }
    proc.steps_left = proc.interval;
    // Nobody sleeps until the timers of idle processors are due: those who run see to them.
    fire_timers(proc, !poller.owned());
    const std::int64_t poll_interval =
        proc.queue.size() > kLongRing ? kLongestPollInterval_ns : kPollInterval_ns;
    if (poller.descriptors() > 0 && !poller.owned() &&
        now - last_poll_ns_.load(std::memory_order_relaxed) > poll_interval)
        poll_now(proc);
    sample_latency(proc);
    if (now - proc.in_order_ns >= overtaking_ns_) {
        proc.in_order_ns = now;
        proc.steps_in_order = proc.queue.overtaken();
    }
    const bool ring_empty = proc.queue.size() == 0;
    proc.backlog_ns = proc.ring_was_empty ? 0 : proc.backlog_ns + elapsed;
    proc.ring_was_empty = ring_empty;
    if (!ring_empty && proc.backlog_ns >= backlog_to_wake_ns_ &&
        wake_one(proc.backlog_ns >= backlog_to_start_ns_))
        proc.backlog_ns = 0;
    if (probe_ns_.load(std::memory_order_relaxed)) [[unlikely]]
        answer_probe();
    if (proc.long_since_ns) [[unlikely]]
        watcher.step_over(proc);
}

// One task at a time, the last in the ring at a look at the clock: it was put there since the look
// before. One that is stolen or overflows is given up, as it may be gone.
void Scheduler::sample_latency(Proc& proc) noexcept {
    if (proc.sampled && !proc.queue.left(proc.sampled_mark)) return;
    proc.sampled = proc.queue.newest(proc.sampled_mark);
    proc.sampled_ns = proc.now_ns;
}

TaskRecord* Scheduler::take_injected(Proc& proc) noexcept {
    const std::size_t waiting = injection_.size();
    if (waiting == 0) return nullptr;
    // A fair share, as Go: others will come for theirs.
    std::size_t share = waiting / static_cast<std::size_t>(active_procs()) + 1;
    const std::size_t room = RunQueue::kCapacity - proc.queue.size();
    if (share > RunQueue::kCapacity / 2) share = RunQueue::kCapacity / 2;
    if (share > room + 1) share = room + 1;
    TaskList list = injection_.take(share);
    TaskRecord* first = list.pop();
    push_local(proc, list);
    return first;
}

void Scheduler::push_local(Proc& proc, TaskList& list) noexcept {
    while (TaskRecord* task = list.pop()) {
        if (!proc.queue.push(task)) {
            TaskList rest = list;
            list = TaskList{};
            injection_.push(task);
            injection_.push(rest);
            return;
        }
    }
}

void Scheduler::fire_timers(Proc& proc, bool all_procs) noexcept {
    const std::int64_t now = manual_clock_ ? manual_clock_->now_ns() : std::int64_t(proc.now_ns);
    TaskList due;
    proc.timers.fire(now, due);
    if (all_procs) each_proc([&](Proc& other) { other.timers.fire(now, due); });
    push_local(proc, due);
}

bool Scheduler::poll_now(Proc& proc) noexcept {
    if (!poller.own()) return false;
    TaskList ready;
    poller.wait(0, ready);
    last_poll_ns_.store(proc.now_ns, std::memory_order_relaxed);
    poller.disown();
    polls.fetch_add(1, std::memory_order_relaxed);
    const bool found = ready.size > 0;
    push_local(proc, ready);
    return found;
}

TaskRecord* Scheduler::steal(Machine& self) {
    Proc& proc = *self.proc;
    const auto made = static_cast<std::uint32_t>(made_procs());
    for (int round = 0; round < 4; ++round) {
        const std::uint32_t start = xorshift(self.random) % made;
        for (std::uint32_t i = 0; i < made; ++i) {
            Proc& victim = *this->proc(static_cast<int>((start + i) % made));
            if (&victim == &proc) continue;
            std::uint32_t count = 0;
            TaskRecord* task = victim.queue.steal_into(proc.queue, count);
            // What was woken last is about to run there: take it only when nothing else is left.
            if (!task && round == 3 && (task = victim.queue.take_lifo())) count = 1;
            if (!task) continue;
            proc.steals.add();
            proc.stolen.add(count);
            return task;
        }
        cpu_relax();
    }
    return nullptr;
}

TaskRecord* Scheduler::find_work(Machine& self) {
    for (;;) {
        // The flag first: a stop that comes after the look at stopping_ must leave it raised.
        // Acquire pairs with the release of request_stop() and max_procs().
        const bool called =
            self.proc && self.proc->attention.exchange(false, std::memory_order_acq_rel);
        if (stopping_.load(std::memory_order_acquire)) return nullptr;
        if (called) step_ended(*self.proc);
        if (self.locked_task || self.tainted) [[unlikely]]
            return await_locked(self);
        if (called && static_cast<int>(self.proc->index) >= active_procs()) {
            retire_proc(self);
            // Another processor may be in hand, made after a stop had raised all flags there were.
            continue;
        }
        if (!self.proc) {
            sleep(self);
            continue;
        }
        Proc& proc = *self.proc;
        proc.steps_left = 1;
        tick(self);
        if (TaskRecord* task = take_injected(proc)) {
            stop_searching(self);
            return task;
        }
        // When nobody else runs the wait in epoll_wait below is the poll.
        if (poller.descriptors() > 0 && running_.load(std::memory_order_relaxed) > 1)
            poll_now(proc);
        TaskRecord* task = proc.queue.take_lifo();
        if (!task) task = proc.queue.pop();
        if (!task && running_.load(std::memory_order_relaxed) > 1) {
            if (!self.searching && 2 * searching_.load(std::memory_order_relaxed) <
                                       running_.load(std::memory_order_relaxed)) {
                self.searching = true;
                searching_.fetch_add(1, std::memory_order_seq_cst);
            }
            if (self.searching) task = steal(self);
        }
        if (task) {
            stop_searching(self);
            return task;
        }
        give_up_proc(self);
    }
}

}  // namespace pilotfish::core
