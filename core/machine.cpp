// The life of the threads that run tasks: begun by run() and start_machine(), ended by a stop.
#include <cerrno>
#include <cstring>
#include <new>
#include <string>

#include "core/log.h"
#include "core/scheduler.h"
#include "core/xorshift.h"

namespace pilotfish::core {

constexpr std::int64_t kThreadRetry_ns = 1'000'000'000;  // after a refusal; chosen, not measured

void Scheduler::run(TaskRecord* main_record) {
    main_record_ = main_record;
    Machine& self = first_machine_;
    {
        std::lock_guard guard(idle_lock_);
        hold_proc(self, proc(0));
    }
    inject(main_record);
    work(self);
    // The first machine is the process's main thread; the others end with the runtime.
    for (Machine* machine = machines_.load(); machine != &first_machine_;
         machine = machine->next_made)
        // Nobody else joins after a stop.
        if (std::exchange(machine->joinable, false)) pthread_join(machine->thread, nullptr);
    // Last: a machine that does not come to its end is worth a report.
    watcher.stop();
    tls = ThreadState{};
}

void* Scheduler::machine_entry(void* machine) {
    Scheduler& scheduler = *current();
    pthread_sigmask(SIG_SETMASK, &scheduler.signal_mask_, nullptr);
    scheduler.work(*static_cast<Machine*>(machine));
    return nullptr;
}

void Scheduler::work(Machine& self) {
    if (self.random == 0) self.random = xorshift_seed(self.id);
    tls.proc = self.proc;
    tls.frames = &self.proc->frames;
    show_thread(self, __builtin_frame_address(0));
    watcher.tell_failure();
    while (TaskRecord* task = next_task(self)) {
        if (task->locked) [[unlikely]] {
            task = pass_on_locked(self, task);
            if (!task) break;
        }
        run_task(self, task);
    }
    hide_thread(self);
}

void Scheduler::show_thread(Machine& self, const void* stack_top) noexcept {
    self.native.begin(stack_top);
    std::lock_guard guard(idle_lock_);
    self.state = &tls;
}

void Scheduler::hide_thread(Machine& self) noexcept {
    {
        std::lock_guard guard(idle_lock_);
        self.state = nullptr;
    }
    self.native.end();
    std::lock_guard guard(idle_lock_);
    if (!self.tainted || &self == &first_machine_) return;
    self.ended = true;  // from here on another may use it
    machines_made.fetch_sub(1, std::memory_order_relaxed);
}

std::pair<Machine*, const Proc*> Scheduler::who_runs(const void* task) noexcept {
    std::lock_guard guard(idle_lock_);
    for (Machine* machine = machines_.load(std::memory_order_acquire); machine;
         machine = machine->next_made) {
        if (machine->proc && machine->state && machine->state->task == task)
            return {machine, machine->proc};
    }
    return {nullptr, nullptr};
}

// Requires: idle_lock_. One whose thread has ended, or a new one; nullptr: out of memory.
Machine* Scheduler::unused_machine_locked() noexcept {
    Machine* machine = machines_.load(std::memory_order_relaxed);
    // Not waited for: what the ended thread destroys may need idle_lock_, or any lock of the
    // caller.
    while (machine && !(machine->ended && join_if_gone(*machine))) machine = machine->next_made;
    if (!machine) {
        machine = new (std::nothrow) Machine;
        if (!machine) return nullptr;
        machine->ended = true;
        machine->next_made = machines_.load(std::memory_order_relaxed);
        machines_.store(machine, std::memory_order_release);
    }
    machine->waits_locked = machine->tainted = false;
    return machine;
}

bool Scheduler::join_if_gone(Machine& machine) noexcept {
    if (machine.joinable && pthread_tryjoin_np(machine.thread, nullptr) != 0) return false;
    machine.joinable = false;
    return true;
}

bool Scheduler::start_machine(Proc* proc) {
    int error = ENOMEM;
    bool tell = false;
    {
        std::lock_guard guard(idle_lock_);
        if (stopping_.load(std::memory_order_relaxed)) {
            // run() may already be joining the machines it knows of.
            error = 0;
            proc->held = false;
        } else if (Machine* machine = unused_machine_locked()) {
            machine->id = static_cast<std::uint32_t>(machines_made.load(std::memory_order_relaxed));
            machine->searching = true;
            hold_proc(*machine, proc);
            error = pthread_create(&machine->thread, nullptr, machine_entry, machine);
            if (error == 0) {
                machine->joinable = true;
                machine->ended = false;
                machines_made.fetch_add(1, std::memory_order_relaxed);
                no_thread_until_ns_ = 0;
                return true;
            }
            machine->proc = nullptr;
            running_.fetch_sub(1, std::memory_order_seq_cst);
        }
        if (error != 0) {
            put_back_locked(*proc);
            tell = no_thread_until_ns_ == 0;
            no_thread_until_ns_ = monotonic_ns() + kThreadRetry_ns;
        }
    }
    searching_.fetch_sub(1, std::memory_order_seq_cst);
    // Meanwhile it seemed that one ran or searched, and somebody may have relied on it.
    if (error != 0) poller.kick();
    // A pids limit, mostly. The processors that run go on doing all the work. Once an episode.
    if (tell)
        log(LogLevel::warn, "core",
            std::string("cannot start a worker thread: ") + std::strerror(error));
    return false;
}

}  // namespace pilotfish::core
