#include "core/runtime.h"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/blocking.h"
#include "core/blocking_pool.h"
#include "core/scheduler.h"
#include "core/stack_dump.h"

namespace pilotfish::core {

Runtime::Runtime(RuntimeOptions options) : scheduler_(std::make_unique<Scheduler>(options)) {
    set_check_dump_hook(&dump_tasks_to_fd);
}

Runtime::~Runtime() {
    // Tasks of a Runtime that never ran.
    if (scheduler_->takes_tasks()) scheduler_->destroy_tasks();
}

int Runtime::run(Task<int> main) {
    Scheduler& scheduler = *scheduler_;
    FrameBase* top = main.release();
    PF_CHECK(top, "Runtime::run of a Task that was moved away");
    TaskRecord* record =
        scheduler.make_record(top, {.name = "main"}, std::source_location::current(), true);
    record->tags->name_is_inherited = false;
    JoinHandle<int> handle(record);
    scheduler.run(record);
    scheduler.blocking->drain();
    struct DestroyTasks {
        Scheduler& scheduler;
        ~DestroyTasks() { scheduler.destroy_tasks(); }
    } destroy_tasks{scheduler};
    struct Free {
        TaskRecord* record;
        ~Free() { free_record(record); }
    } free{handle.release()};
    if (record->top->error) rethrow_to_joiner(record, true);
    return static_cast<TaskPromise<int>*>(record->top)->take();
}

void submit_blocking(BlockingJob& job) { Scheduler::current()->blocking->submit(job); }

std::uint64_t Scheduler::num_tasks() const noexcept {
    std::uint64_t finished = 0;
    std::uint64_t created = 0;
    // Finished first: a task that ends meanwhile is counted as living, never as less than none.
    each_proc([&](const Proc& proc) { finished += proc.finished.get(); });
    each_proc([&](const Proc& proc) { created += proc.created.get(); });
    created += outside_created.load(std::memory_order_relaxed);
    return created > finished ? created - finished : 0;
}

constexpr std::int64_t kStalled_ns = 10'000'000;  // the step length Go's sysmon calls too long

void Scheduler::answer_probe() noexcept { probe_ns_.store(0, std::memory_order_relaxed); }

std::chrono::nanoseconds Scheduler::stall(std::int64_t now_ns) noexcept {
    // A processor whose thread is blocked has another that stands in for it.
    if (stopping_.load(std::memory_order_relaxed) ||
        running_.load(std::memory_order_relaxed) <= lent_procs()) {
        probe_ns_.store(0, std::memory_order_relaxed);
        return std::chrono::nanoseconds(0);
    }
    std::int64_t posted = 0;
    if (probe_ns_.compare_exchange_strong(posted, now_ns, std::memory_order_relaxed))
        return std::chrono::nanoseconds(0);
    const std::int64_t age = std::max<std::int64_t>(0, now_ns - posted);
    // One task holds the only thread that was ever needed: time for another, if a processor is
    // free.
    if (age >= kStalled_ns) (void)wake_one(true);
    return std::chrono::nanoseconds(age);
}

}  // namespace pilotfish::core

namespace pilotfish::runtime {

using core::Proc;
using core::Scheduler;

std::uint64_t num_tasks() noexcept {
    const Scheduler* scheduler = Scheduler::current();
    return scheduler ? scheduler->num_tasks() : 0;
}

int max_procs(int n) noexcept {
    Scheduler* scheduler = Scheduler::current();
    return scheduler ? scheduler->max_procs(n) : num_cpu();
}

int num_cpu() noexcept {
    // The kernel refuses a mask smaller than its own: grow until it fits.
    for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
        std::vector<std::uint8_t> mask(CPU_ALLOC_SIZE(cpus));
        auto* set = reinterpret_cast<cpu_set_t*>(mask.data());
        if (sched_getaffinity(0, mask.size(), set) == 0)
            return std::max(1, CPU_COUNT_S(mask.size(), set));
        if (errno != EINVAL) break;
    }
    return 1;
}

std::uint64_t num_blocking_calls() noexcept {
    const Scheduler* scheduler = Scheduler::current();
    return scheduler ? scheduler->blocking->stats().calls : 0;
}

std::chrono::nanoseconds scheduler_stall(core::TimePoint now) noexcept {
    Scheduler* scheduler = Scheduler::current();
    return scheduler ? scheduler->stall(core::to_ns(now)) : std::chrono::nanoseconds(0);
}

static_assert(kLatencyBuckets == core::kLatencyBuckets);

RuntimeStats stats(Detail detail) noexcept {
    RuntimeStats out;
    Scheduler* scheduler = Scheduler::current();
    if (!scheduler) return out;
    std::int64_t idle_bytes = core::FramePool::depot_bytes();
    // Before what was spawned, as in num_tasks(): a task that ends meanwhile is not yet counted.
    scheduler->each_proc([&](const Proc& proc) { out.finished_total += proc.finished.get(); });
    scheduler->each_proc([&](const Proc& proc) {
        out.spawned_total += proc.created.get();
        out.steals_total += proc.steals.get();
        out.stolen_total += proc.stolen.get();
        for (int i = 0; i < kLatencyBuckets; ++i)
            out.schedule_latency[static_cast<std::size_t>(i)] += proc.latency[i].get();
        out.schedule_latency_sum_ns += proc.latency_sum_ns.get();
        idle_bytes += proc.frames.idle_bytes();
    });
    out.spawned_total += scheduler->outside_created.load(std::memory_order_relaxed);
    out.tasks = scheduler->num_tasks();
    out.parks_total = scheduler->parks();
    out.wakes_total = scheduler->wakes.load(std::memory_order_relaxed);
    out.polls_total = scheduler->polls.load(std::memory_order_relaxed);
    out.processors = scheduler->wanted_procs();
    out.processors_idle = std::max(0, scheduler->idle_procs());
    const core::Watcher::Stats watched = scheduler->watcher.stats();
    out.long_steps_total = watched.long_steps;
    out.longest_step = std::chrono::nanoseconds(watched.longest_step_ns);
    out.stand_ins_total = watched.stand_ins;
    out.stand_ins = scheduler->lent_procs();
    out.threads = scheduler->machines_made.load(std::memory_order_relaxed);
    const core::BlockingPool::Stats blocking = scheduler->blocking->stats();
    out.blocking_threads = blocking.threads;
    out.blocking_running = blocking.running;
    out.blocking_waiting = blocking.waiting;
    out.blocking_calls_total = blocking.calls;
    out.frame_held_bytes = core::FramePool::held_bytes();
    out.frame_bytes = std::max<std::int64_t>(0, out.frame_held_bytes - idle_bytes);
    if (detail == Detail::with_states) {
        core::for_each_task_state([&out](core::TaskState state) {
            ++out.tasks_by_state[static_cast<std::size_t>(state)];
        });
    }
    return out;
}

std::string stack(bool all) { return core::stack_text(all); }

}  // namespace pilotfish::runtime
