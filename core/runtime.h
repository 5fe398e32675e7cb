// The runtime: Runtime::run() turns the calling thread into a worker and runs a task until it ends.
// pilotfish::runtime mirrors Go's package of that name for whoever looks on from any thread.
//
// Thread-safety: run() once, from the thread that made the Runtime; everything else from any
// thread. Ownership: one Runtime at a time in a process; it outlives every outside thread that
// sends to its tasks. Blocks: run(). No thread is made until work has waited for one (see
// core/README.md). Fails: bugs abort; nothing else fails.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "core/clock.h"
#include "core/task.h"
#include "core/task_record.h"

namespace pilotfish::core {

class Scheduler;

// When the watcher's thread is made (core/watcher.h).
enum class Watch : std::uint8_t {
    from_start,  // as the runtime begins: no step goes unseen
    settled,     // at the first wake-up after 100 ms: start and short lives do not pay for it
    off,         // never
};

struct RuntimeOptions {
    int processors = 0;             // 0: num_cpu()
    int max_blocking_threads = 64;  // calls of blocking() that run at once; chosen, not measured
    std::chrono::nanoseconds blocking_idle = std::chrono::seconds(10);  // then such a thread ends
    const ManualClock* clock = nullptr;  // tests: timers go by this one instead of CLOCK_MONOTONIC
    // For how long a processor's queue must have held work before another core is troubled. Waking
    // a sleeping thread costs the waker 7-9 us and the sleeper starts 17-37 us later; a younger
    // backlog is mostly gone by then. Making a thread costs 22 us and memory for good. 0: at every
    // look.
    std::chrono::nanoseconds backlog_to_wake = std::chrono::microseconds(20);
    std::chrono::nanoseconds backlog_to_start_thread = std::chrono::milliseconds(1);
    // For how long fork-join may walk in depth past older tasks of a queue; these are then run in
    // order. Shorter: a tree is opened in breadth, with more tasks alive; longer: they wait longer.
    std::chrono::nanoseconds overtaking = std::chrono::milliseconds(1);
    Watch watch = Watch::from_start;
    // A step longer than this is counted and told in the log.
    std::chrono::nanoseconds long_step = std::chrono::milliseconds(10);
    // When every processor is in a step that computes, and one of them for longer than this,
    // another stands in for it until the step ends. 0: never, as it means more threads than
    // max_procs.
    std::chrono::nanoseconds rescue_after = std::chrono::nanoseconds(0);
};

class Runtime {
  public:
    explicit Runtime(RuntimeOptions options = {});
    ~Runtime();
    Runtime(const Runtime&) = delete;
    Runtime& operator=(const Runtime&) = delete;

    // Runs main as task 1 on this thread and, when earned, others; returns main's value or throws
    // what left it. Tasks that still exist are then destroyed where they wait, their destructors
    // run.
    int run(Task<int> main);

    // From any thread, also before run(). The task belongs to no other.
    template <class T>
    JoinHandle<T> spawn_external(Task<T> task, SpawnOptions options = {},
                                 std::source_location where = std::source_location::current()) {
        JoinHandle<T> handle(spawn_record_external(task.frame(), options, where));
        task.release();
        return handle;
    }

  private:
    std::unique_ptr<Scheduler> scheduler_;
};

}  // namespace pilotfish::core

namespace pilotfish::runtime {

// Tasks that exist, the asking one included (Go: NumGoroutine). A few loads.
std::uint64_t num_tasks() noexcept;
// Sets the number of processors, effective within one step of each; returns the number before.
// n < 1 only asks (Go: GOMAXPROCS).
int max_procs(int n) noexcept;
// CPUs this process may run on, by sched_getaffinity (Go: NumCPU).
int num_cpu() noexcept;
// Calls of blocking() made so far (Go: NumCgoCall).
std::uint64_t num_blocking_calls() noexcept;
// The asking task's stack, or all tasks', as text in Go's layout (Go: Stack). See
// core/stack_dump.h.
std::string stack(bool all);

inline constexpr int kLatencyBuckets = 12;  // bounds 1 us * 4^i, the last one open

struct RuntimeStats {
    std::uint64_t tasks = 0;
    std::array<std::uint64_t, core::kTaskStates> tasks_by_state{};  // by core::TaskState
    std::uint64_t spawned_total = 0;
    std::uint64_t finished_total = 0;
    std::uint64_t steals_total = 0;  // visits that found something
    std::uint64_t stolen_total = 0;  // tasks taken by them
    std::uint64_t parks_total = 0;   // a thread went to sleep
    std::uint64_t wakes_total = 0;   // a sleeping thread was woken for work
    std::uint64_t polls_total = 0;   // looks into epoll
    int processors = 0;
    int processors_idle = 0;
    int threads = 0;  // worker threads
    // Steps that the watcher saw to last longer than RuntimeOptions::long_step.
    std::uint64_t long_steps_total = 0;
    std::chrono::nanoseconds longest_step{0};
    std::uint64_t stand_ins_total = 0;  // processors added for others whose thread was blocked
    int stand_ins = 0;                  // of those, now
    int blocking_threads = 0;
    int blocking_running = 0;  // calls of blocking() running now
    int blocking_waiting = 0;  // and waiting for a thread
    std::uint64_t blocking_calls_total = 0;
    std::int64_t frame_bytes = 0;       // coroutine frames and task records in use
    std::int64_t frame_held_bytes = 0;  // the same with what is kept for reuse
    // Time from runnable to running, of a sample of tasks.
    // Of sampled tasks, from a processor's ring to running; at most one in 16 steps is sampled.
    std::array<std::uint64_t, kLatencyBuckets> schedule_latency{};
    std::uint64_t schedule_latency_sum_ns = 0;
};

enum class Detail : std::uint8_t { counters, with_states };
// A snapshot; nobody is stopped. with_states walks the census, about 10 ns a task.
RuntimeStats stats(Detail detail = Detail::counters) noexcept;

// 0 while the scheduler is idle or makes progress; else for how long no processor has passed
// through its loop since the first question. Costs one posted flag, no tick: ask again later for
// the answer.
std::chrono::nanoseconds scheduler_stall(core::TimePoint now) noexcept;

}  // namespace pilotfish::runtime
