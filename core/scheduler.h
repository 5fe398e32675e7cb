// The scheduler's insides: processors, worker threads, and who sleeps where. Users want
// core/runtime.h; core/README.md tells the design.
//
// Thread-safety: per member. Internal to core/.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "core/clock.h"
#include "core/frame_pool.h"
#include "core/native_stack.h"
#include "core/parker.h"
#include "core/poller.h"
#include "core/registry.h"
#include "core/run_queue.h"
#include "core/task_record.h"
#include "core/timer_heap.h"
#include "core/watcher.h"

namespace pilotfish::core {

class BlockingPool;
struct RuntimeOptions;
struct SpawnOptions;

inline constexpr int kMaxProcs = 1024;  // as Go's old ceiling; one pointer each

// A counter with one writer and any number of readers: no atomic read-modify-write.
class Counter {
  public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

inline constexpr int kLatencyBuckets = 12;  // powers of 4 from 1 us: 1, 4, 16 us ... 4.2 s

// The right to run tasks, with all that running needs. Held by one Machine at a time; never freed
// while the scheduler lives.
struct Proc {
    explicit Proc(std::uint32_t number) : index(number) {}

    const std::uint32_t index;
    std::atomic<bool> attention{false};  // retire or stop: look at the scheduler's state
    bool idle = false;                   // guarded by Scheduler::idle_lock_
    bool held = false;                   // guarded by Scheduler::idle_lock_
    bool lent = false;                   // guarded by Scheduler::idle_lock_; see watcher.h
    Proc* next_idle = nullptr;           // guarded by Scheduler::idle_lock_

    RunQueue queue;
    FramePool frames;
    RegistryShard tasks;
    TimerHeap timers;

    // Owner only.
    std::uint64_t next_id = 0;
    std::uint64_t last_id = 0;
    Relaxed<std::int64_t> now_ns;           // when the last tick was
    std::int64_t in_order_ns = 0;           // when steps_in_order was set
    std::int64_t backlog_ns = 0;            // for how long the ring has not been empty
    Relaxed<std::uint32_t> interval = 1;    // steps between ticks
    Relaxed<std::uint32_t> steps_left = 1;  // with ticks, names the present step for the watcher
    std::uint32_t steps_to_injection = 61;
    std::uint32_t steps_in_order = 0;  // for so many the ring goes before what is handed on
    std::uint32_t lifo_streak = 0;
    TaskRecord* handed = nullptr;   // next to run
    bool joining = false;           // this step ends in a join
    bool depth_first = false;       // the ring gives its newest
    bool ring_was_empty = true;     // since the last tick
    TaskRecord* sampled = nullptr;  // its wait in the ring is being measured; not to be touched
    std::uint32_t sampled_mark = 0;
    std::int64_t sampled_ns = 0;

    Relaxed<std::int64_t> long_since_ns;  // set by the watcher: the present step is long
    Relaxed<std::uint32_t> in_section;    // BlockingSections the present step is in

    Counter created, finished, steals, stolen, ticks;
    Counter latency[kLatencyBuckets];  // of sampled tasks: from runnable to running
    Counter latency_sum_ns;
};

// A worker thread. Once made it stays until the runtime ends: the kernel ties PR_SET_PDEATHSIG of
// child processes to the thread that forked them.
struct Machine {
    std::uint32_t id = 0;
    Proc* proc = nullptr;  // others read it under Scheduler::idle_lock_
    bool searching = false;
    Parker parker;
    Machine* next_idle = nullptr;
    Machine* next_made = nullptr;
    pthread_t thread{};
    std::uint32_t random = 0;
    NativeThread native;
    // Guarded by Scheduler::idle_lock_; see locked_thread.cpp.
    TaskRecord* locked_task = nullptr;  // the only one that runs here; written by the thread itself
    TaskRecord* handed_over = nullptr;  // that task, to be run next
    std::uint32_t locks = 0;
    bool waits_locked = false;           // for it
    bool tainted = false;                // a task ended while it was locked: nobody else runs here
    bool ended = false;                  // no thread of it runs tasks: it may be used again
    bool joinable = false;               // thread was made, and not joined yet
    const ThreadState* state = nullptr;  // while the thread works; guarded by Scheduler::idle_lock_
    Counter parks;
};

class Scheduler {
  public:
    explicit Scheduler(const RuntimeOptions& options);
    ~Scheduler();

    // The one scheduler of the process; nullptr: no Runtime lives.
    static Scheduler* current() noexcept { return current_.load(std::memory_order_seq_cst); }

    // The calling thread becomes the first machine; returns when main_record has finished.
    void run(TaskRecord* main_record);
    // Destroys what is left of tasks. Requires: run() has returned and all machines are joined.
    void destroy_tasks() noexcept;
    // False: the tasks are being, or have been, destroyed. An outside thread asks in an OutsideCall
    // and is then waited for.
    bool takes_tasks() const noexcept { return !over_.load(std::memory_order_seq_cst); }

    // Tasks.
    TaskRecord* make_record(FrameBase* top, const SpawnOptions& options,
                            const std::source_location& where, bool outside);
    void finish_running(Proc& proc) noexcept;

    // Waking. Any thread.
    void inject(TaskRecord* task) noexcept { injection_.push(task); }
    void inject(TaskList list) noexcept { injection_.push(list); }
    bool inject_woken(TaskRecord* task) noexcept { return injection_.push_woken(task); }
    // Work lies in the injection queue: make sure that somebody looks.
    void notify() noexcept;
    // There is more work than the busy processors should do alone: take one more, if one is idle
    // and nobody is searching yet.
    [[nodiscard]] bool wake_one(bool may_start_thread) noexcept;  // true: somebody was woken
    void request_stop() noexcept;
    void lock_thread() noexcept;
    void unlock_thread() noexcept;

    int max_procs(int n);
    std::int64_t now_ns() const noexcept {
        return manual_clock_ ? manual_clock_->now_ns() : monotonic_ns();
    }

    // Statistics: any thread.
    std::uint64_t num_tasks() const noexcept;
    std::chrono::nanoseconds stall(std::int64_t now_ns) noexcept;
    Proc* proc(int index) const noexcept { return procs_[index].load(std::memory_order_acquire); }
    int made_procs() const noexcept { return made_.load(std::memory_order_acquire); }
    // As asked for; a few more are active while processors are lent.
    int wanted_procs() const noexcept { return max_procs_.load(std::memory_order_acquire); }
    int active_procs() const noexcept { return active_.load(std::memory_order_acquire); }
    int lent_procs() const noexcept { return lent_.load(std::memory_order_relaxed); }
    int idle_procs() const noexcept { return idle_count_.load(std::memory_order_relaxed); }
    std::uint64_t parks() const noexcept {
        std::uint64_t sum = 0;
        for (const Machine* machine = machines_.load(std::memory_order_acquire); machine;
             machine = machine->next_made)
            sum += machine->parks.get();
        return sum;
    }
    RegistryShard& outside_tasks() noexcept { return outside_tasks_; }
    RegistryShard& shard_of(const TaskRecord& task) noexcept {
        return task.shard == kMaxProcs ? outside_tasks_ : proc(static_cast<int>(task.shard))->tasks;
    }
    // What runs a task at this moment: its machine and processor; nullptr: nobody. Any thread.
    std::pair<Machine*, const Proc*> who_runs(const void* task) noexcept;
    template <class Fn>
    void each_proc(Fn fn) const {
        for (int i = 0, n = made_procs(); i < n; ++i) fn(*proc(i));
    }

    Poller poller;
    std::unique_ptr<BlockingPool> blocking;

    std::atomic<std::uint64_t> outside_created{0};
    std::atomic<std::uint64_t> wakes{0};
    std::atomic<std::uint64_t> polls{0};
    std::atomic<int> machines_made{1};

  private:
    friend struct SchedulerTestPeer;
    friend class Watcher;
    static void* machine_entry(void* machine);
    void work(Machine& self);
    void run_task(Machine& self, TaskRecord* task);
    TaskRecord* next_task(Machine& self);
    void put_handed_back(Proc& proc) noexcept;
    TaskRecord* find_work(Machine& self);
    TaskRecord* steal(Machine& self);
    void tick(Machine& self);
    TaskRecord* take_injected(Proc& proc) noexcept;
    void push_local(Proc& proc, TaskList& list) noexcept;
    void fire_timers(Proc& proc, bool all_procs) noexcept;
    static void sample_latency(Proc& proc) noexcept;
    bool poll_now(Proc& proc) noexcept;

    // Idle transitions, idle.cpp.
    void give_up_proc(Machine& self) noexcept;
    void let_go_locked(Machine& self) noexcept;
    void retire_proc(Machine& self) noexcept;
    bool acquire_proc(Machine& self) noexcept;
    void hold_proc(Machine& self, Proc* proc) noexcept;
    void sleep(Machine& self);
    void sleep_in_poller(Machine& self);
    // For how long the poller's owner may sleep; negative: until kicked.
    std::int64_t scan_before_poll() noexcept;
    bool anything_to_do() const noexcept;
    void stop_searching(Machine& self) noexcept;
    Proc* take_idle_proc_locked() noexcept;
    void put_back_locked(Proc& proc) noexcept;
    Machine* unused_machine_locked() noexcept;
    static bool join_if_gone(Machine& machine) noexcept;
    bool start_machine(Proc* proc);  // false: none could be made, the processor is idle again
    std::int64_t earliest_timer_ns() const noexcept;
    void resize_locked(int n) noexcept;
    // Tasks that stay on one thread, locked_thread.cpp.
    Machine& this_machine_locked() noexcept;
    void end_locked(TaskRecord& task) noexcept;
    TaskRecord* pass_on_locked(Machine& self, TaskRecord* task);
    void hand_over(Machine& self, TaskRecord* task) noexcept;
    TaskRecord* await_locked(Machine& self);
    void leave_to_others(const Machine& self) noexcept;
    void wake_locked_waiters() noexcept;
    // What watcher.h says of processors that are lent, watcher.cpp.
    bool lend(Machine& machine, Proc& proc, const StepName& step) noexcept;
    void take_back_locked(Proc& proc) noexcept;
    void step_ended(Proc& proc) noexcept;
    void show_thread(Machine& self, const void* stack_top) noexcept;
    void hide_thread(Machine& self) noexcept;
    void answer_probe() noexcept;

    static std::atomic<Scheduler*> current_;

    const ManualClock* manual_clock_;
    const std::int64_t backlog_to_wake_ns_;
    const std::int64_t backlog_to_start_ns_;
    const std::int64_t overtaking_ns_;
    std::atomic<Proc*> procs_[kMaxProcs] = {};
    std::atomic<int> made_{0};
    std::atomic<int> max_procs_;  // as asked for
    std::atomic<int> lent_{0};    // processors whose thread is blocked in the kernel
    std::atomic<int> active_;     // the sum
    InjectionQueue injection_;
    RegistryShard outside_tasks_;
    std::atomic<std::uint64_t> next_id_{1};

    // Who is idle. The counts are read without the lock by wakers; see notify().
    std::mutex idle_lock_;
    Proc* idle_procs_ = nullptr;
    Machine* idle_machines_ = nullptr;
    std::int64_t no_thread_until_ns_ = 0;         // no thread could be made; 0: no such trouble
    std::atomic<int> idle_count_{0};              // active processors nobody holds, made or not
    std::atomic<int> running_{0};                 // processors somebody holds
    std::atomic<int> searching_{0};               // machines that look for work to steal
    std::atomic<std::int64_t> poll_until_ns_{0};  // until when the poller's owner sleeps
    std::atomic<bool> stopping_{false};
    std::atomic<bool> over_{false};
    Machine first_machine_;
    std::atomic<Machine*> machines_{&first_machine_};
    TaskRecord* main_record_ = nullptr;
    sigset_t signal_mask_{};

  public:
    Watcher watcher;  // last: it looks at all the others

  private:
    std::atomic<std::int64_t> last_poll_ns_{0};
    std::atomic<std::int64_t> probe_ns_{0};  // when the unanswered probe was posted; 0: none
};

}  // namespace pilotfish::core
