// The watcher: a thread that looks at the processors while they run, and at nothing while they
// sleep.
//
// It sees (a) a step that lasts longer than RuntimeOptions::long_step: counted, and told once in
// the log with the task's name and the native stack of its thread; (b) a processor whose thread is
// blocked in the kernel while work waits: the processor is lent, that is, another one stands in for
// it until its step has ended; (c) work behind a long step while a processor is free: a thread is
// woken for it, or made; (d) when asked to by RuntimeOptions::rescue_after: steps on all processors
// that compute and do not end: one is lent as in (b).
//
// A look costs about 1 us a processor that runs, once in 10 ms. A process that sleeps is not woken;
// one that wakes once a second pays two timerfd_settime, 1 to 8 us, and no further wake-up
// (watcher.cpp).
//
// Thread-safety: per member. Internal to core/; users see RuntimeStats and the log. Owns its thread
// and a timerfd. Fails: without a thread or descriptor nothing is watched; said once in the log,
// tried again after a second.
#pragma once

#include <pthread.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "core/step_name.h"

namespace pilotfish::core {

class Scheduler;
struct Machine;
struct Proc;
struct RuntimeOptions;
struct TaskRecord;
enum class Watch : std::uint8_t;

// When the present step of the processor began, at the latest a few short steps later.
std::int64_t step_begun_ns(const Proc& proc) noexcept;

class Watcher {
  public:
    static constexpr std::int64_t kPark = 0;

    Watcher(Scheduler& scheduler, const RuntimeOptions& options) noexcept;
    ~Watcher();
    Watcher(const Watcher&) = delete;
    Watcher& operator=(const Watcher&) = delete;

    // Under Scheduler::idle_lock_: a processor was taken, or given up.
    void busy_locked(std::int64_t now_ns) noexcept;
    void idle_locked(std::int64_t now_ns) noexcept;
    // Without idle_lock_: what kept the thread from being made.
    void tell_failure() noexcept;
    // Ends the thread. Requires: nobody runs tasks any more.
    void stop() noexcept;

    // One look; returns after how many ns the next is due, kPark: when a processor is taken. Called
    // by the watcher's thread; a test that has none (Watch::off) calls it with times of its choice.
    std::int64_t look(std::int64_t now_ns);
    // The CPU time of a machine's thread: a seam for tests. nullptr: the kernel's clock.
    std::int64_t (*cpu_time_ns)(const Machine& machine) noexcept = nullptr;

    struct Stats {
        std::uint64_t long_steps = 0;
        std::int64_t longest_step_ns = 0;
        std::uint64_t stand_ins = 0;
        std::uint64_t looks = 0;
    };
    Stats stats() const noexcept;  // any thread

  private:
    friend class Scheduler;

    // What the last look saw of a processor.
    struct Seen {
        const Machine* machine = nullptr;
        StepName step;
        std::int64_t since_ns = 0;  // the step began then or before
        std::int64_t cpu_ns = -1;   // of the thread, at cpu_at_ns; negative: not asked
        std::int64_t cpu_at_ns = 0;
        bool told = false;
        bool hopeless = false;  // lent though it computes: stays lent until the step ends
    };
    // What this look sees of it.
    struct View {
        Machine* machine;
        Proc* proc;
        StepName step;
        const TaskRecord* task;  // not to be followed
        pid_t tid;
        bool lent;
        bool stuck = false;  // in the same step for a while
        bool to_tell = false;
        std::int64_t age_ns = 0;
    };

    bool start_locked(std::int64_t now_ns) noexcept;
    static void* thread_entry(void* watcher);
    void serve();
    void arm(std::int64_t ns) noexcept;

    void take_views();
    void date(View& view, std::int64_t now_ns);
    bool work_waits() const;
    // What its thread has done since the last question; the first question has no answer yet.
    enum class Doing : std::uint8_t { unknown, computing, blocked };
    Doing doing(const View& view, std::int64_t now_ns);
    std::int64_t cpu_now(const View& view) const noexcept;
    // No processor comes to an end with what it does, and this one has not for rescue_after.
    bool is_hopeless(const View& view) const noexcept;
    std::int64_t help(std::int64_t now_ns);
    void hand_out_what_waits() noexcept;
    void note_long_step(View& view);
    void tell(const View& view, std::int64_t now_ns);
    void step_over(Proc& proc) noexcept;

    Scheduler& scheduler_;
    const std::int64_t long_step_ns_;
    const std::int64_t rescue_after_ns_;  // 0: never
    const std::int64_t start_after_ns_;   // no thread is made before; kNever_ns: never

    // Guarded by Scheduler::idle_lock_.
    pthread_t thread_{};
    bool has_thread_ = false;
    bool armed_ = false;   // the timer will fire, or the thread is looking
    bool sparse_ = false;  // a longer sleep came before this busy time
    std::int64_t idle_since_ns_ = 0;
    std::int64_t retry_ns_ = 0;
    bool has_failed_ = false;

    std::atomic<int> failure_{0};  // errno of the first one, until it is told

    std::atomic<int> timer_fd_{-1};
    std::atomic<bool> ending_{false};

    // The looker's own.
    std::vector<Seen> seen_;  // by processor
    std::vector<View> views_;
    std::int64_t told_from_ns_ = 0;
    int told_ = 0;
    std::uint64_t untold_ = 0;

    std::atomic<std::uint64_t> long_steps_{0};
    std::atomic<std::int64_t> longest_step_ns_{0};
    std::atomic<std::uint64_t> stand_ins_{0};
    std::atomic<std::uint64_t> looks_{0};
};

}  // namespace pilotfish::core
