// Looking on without being noticed.
//
// The idea. A processor whose thread is blocked in the kernel is not taken away: the thread may
// return at any instant, in the middle of a step that uses it everywhere. It is lent instead: one
// more processor becomes active, whose machine takes the ring, the LIFO slot and the timers of the
// blocked one by stealing, as from any other. When the blocked step ends (by Proc::attention) or
// its thread is seen to compute again, one processor less is active, and the one with the highest
// number retires as by max_procs(). So at most max_procs() threads compute, but for the rest of a
// step that comes back.
//
// The last resort. Steps that compute for ever on all processors leave nobody to serve the rest.
// Who asks for it (RuntimeOptions::rescue_after) has such a step's processor lent as if it were
// blocked, for as long as the step lasts: the kernel then shares the CPUs out.
//
// When to look. An idle process must not wake up, and one that wakes for 20 us once a second not
// once more. Only a timer of the kernel can see a first step that never ends, so the machine that
// ends an idle time arms one (timerfd_settime), and the last to fall asleep disarms it: 1 us
// of system calls, up to 8 us in all where programming a timer leaves a virtual machine. Both hold
// idle_lock_ anyway. Where busy times follow one another within 2 ms this would be dear,
// so there the timer stays armed: it then fires at most once in 2 ms, and finds out by itself that
// all is over.
//
// Rejected: taking the processor away (above). A futex wake of the watcher at each wake-up: 7-9 us
// and a second wake-up. Waking it from the look at the clock between steps: misses the one step
// that matters. A timer of CPU time (free of wake-ups, armed once): sees no thread that is blocked.
// A nap of 10 ms for ever, as Go's sysmon: 100 wake-ups a second. Asking /proc first for the
// thread's state: 10 us, not there in every container, and a thread may sleep for an instant
// anywhere; its CPU clock takes 0.5 us and two looks 1 ms apart. /proc is asked last: a thread that
// gets no CPU on a crowded machine is not blocked, and lending its processor would crowd it more.
//
// The dangerous race is a step that ends while it is being lent. Both happen under idle_lock_:
// Proc::lent is set only while the same machine still holds the processor in the same step; then
// attention is raised. The step's end sees it before the next step or the one after that, and
// giving a processor up takes it back in any case.
#include "core/watcher.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <mutex>
#include <utility>

#include "core/log.h"
#include "core/long_step.h"
#include "core/runtime.h"
#include "core/scheduler.h"
#include "core/signals.h"

namespace pilotfish::core {
namespace {

constexpr std::int64_t kNever_ns = INT64_MAX;
constexpr std::int64_t kSettled_ns = 100'000'000;
constexpr std::int64_t kRetry_ns = 1'000'000'000;
constexpr std::int64_t kNap_ns = 10'000'000;      // as Go's sysmon at its slowest
constexpr std::int64_t kFirstNap_ns = 2'000'000;  // most busy times are over by then
constexpr std::int64_t kSparse_ns = 2'000'000;    // of sleep before: arming does not matter
constexpr std::int64_t kProbe_ns = 1'000'000;     // between two questions for the CPU time
constexpr std::int64_t kStuck_ns = 1'000'000;     // a step that old may hold others up
constexpr std::int64_t kTellWindow_ns = 60'000'000'000;
constexpr int kTellMost = 5;  // a window, as Seastar's stall detector

// The thread's own clock, by its kernel number: pthread_getcpuclockid must not be asked for a
// thread that may have ended.
std::int64_t thread_cpu_ns(pid_t tid) noexcept {
    constexpr clockid_t kPerThreadSched = 6;
    const clockid_t clock =
        static_cast<clockid_t>(~static_cast<unsigned>(tid) << 3 | kPerThreadSched);
    timespec time{};
    if (clock_gettime(clock, &time) != 0) return -1;
    return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

StepName step_of(const Proc& proc) noexcept { return {proc.ticks.get(), proc.steps_left}; }
std::int64_t step_begun_ns(const Proc& proc) noexcept { return proc.now_ns; }

Watcher::Watcher(Scheduler& scheduler, const RuntimeOptions& options) noexcept
    : scheduler_(scheduler),
      long_step_ns_(options.long_step.count()),
      rescue_after_ns_(options.rescue_after.count()),
      start_after_ns_(options.watch == Watch::off          ? kNever_ns
                      : options.watch == Watch::from_start ? 0
                                                           : monotonic_ns() + kSettled_ns) {}

Watcher::~Watcher() {
    if (timer_fd_ >= 0) close(timer_fd_);
}

// ---- when to look ----

void Watcher::arm(std::int64_t ns) noexcept {
    itimerspec when{};
    when.it_value = {ns / 1'000'000'000, ns % 1'000'000'000};
    timerfd_settime(timer_fd_, 0, &when, nullptr);
}

void Watcher::busy_locked(std::int64_t now_ns) noexcept {
    const int busy = scheduler_.running_.load(std::memory_order_relaxed) - scheduler_.lent_procs();
    if (busy == 1) sparse_ = now_ns - idle_since_ns_ > kSparse_ns;
    if (armed_ || now_ns < start_after_ns_) return;
    if (!has_thread_ && !start_locked(now_ns)) return;
    armed_ = true;
    arm(kFirstNap_ns);
}

void Watcher::idle_locked(std::int64_t now_ns) noexcept {
    if (scheduler_.running_.load(std::memory_order_relaxed) > scheduler_.lent_procs()) return;
    idle_since_ns_ = now_ns;
    // A blocked step is to be told when it is too long, however idle the rest is.
    if (!armed_ || !sparse_ || scheduler_.lent_procs() > 0) return;
    armed_ = false;
    arm(0);
}

bool Watcher::start_locked(std::int64_t now_ns) noexcept {
    if (now_ns < retry_ns_ || ending_) return false;
    int error = 0;
    if (timer_fd_ < 0) timer_fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    if (timer_fd_ < 0) {
        error = errno;
    } else {
        const BlockedSignals for_others(SignalSet::all());
        error = pthread_create(&thread_, nullptr, thread_entry, this);
    }
    has_thread_ = error == 0;
    if (has_thread_) return true;
    retry_ns_ = now_ns + kRetry_ns;
    // Once, and not here: who writes the log may need the lock.
    if (!std::exchange(has_failed_, true)) failure_ = error;
    return false;
}

void Watcher::tell_failure() noexcept {
    if (failure_.load(std::memory_order_relaxed) == 0) return;
    const int error = failure_.exchange(0, std::memory_order_relaxed);
    if (error == 0) return;
    log(LogLevel::warn, "core",
        std::string("cannot watch over long steps: no thread or timer for it: ") +
            std::strerror(error));
}

void Watcher::stop() noexcept {
    ending_ = true;
    {
        std::lock_guard guard(scheduler_.idle_lock_);
        if (!has_thread_) return;
        arm(1);
    }
    pthread_join(thread_, nullptr);
    has_thread_ = false;
}

void* Watcher::thread_entry(void* watcher) {
    static_cast<Watcher*>(watcher)->serve();
    return nullptr;
}

void Watcher::serve() {
    while (!ending_) {
        std::uint64_t fired = 0;
        if (read(timer_fd_, &fired, sizeof fired) < 0 && errno != EINTR) return;
        if (ending_) return;
        const std::int64_t nap_ns = look(monotonic_ns());
        std::lock_guard guard(scheduler_.idle_lock_);
        if (ending_) return;
        const bool busy = scheduler_.running_.load(std::memory_order_relaxed) > 0;
        // Short busy times that follow one another find the timer armed.
        armed_ = busy || monotonic_ns() - idle_since_ns_ < kSparse_ns;
        if (armed_) arm(nap_ns == kPark ? kNap_ns : nap_ns);
    }
}

// ---- what a look sees ----

void Watcher::take_views() {
    views_.clear();
    views_.reserve(static_cast<std::size_t>(scheduler_.made_procs()) + 1);
    std::lock_guard guard(scheduler_.idle_lock_);
    for (Machine* machine = scheduler_.machines_.load(std::memory_order_acquire); machine;
         machine = machine->next_made) {
        Proc* proc = machine->proc;
        if (!proc || !machine->state || views_.size() == views_.capacity()) continue;
        views_.push_back({.machine = machine,
                          .proc = proc,
                          .step = step_of(*proc),
                          .task = machine->state->task,
                          .tid = machine->native.tid(),
                          .lent = proc->lent});
    }
}

void Watcher::date(View& view, std::int64_t now_ns) {
    if (seen_.size() <= view.proc->index) seen_.resize(view.proc->index + 1);
    Seen& seen = seen_[view.proc->index];
    if (seen.machine != view.machine || seen.step != view.step) {
        const bool first_of_tick = view.step.left == view.proc->interval;
        seen = {
            .machine = view.machine,
            .step = view.step,
            .since_ns = first_of_tick ? std::min<std::int64_t>(view.proc->now_ns, now_ns) : now_ns};
    }
    if (!view.task) return;
    view.age_ns = now_ns - seen.since_ns;
    // A processor looks at the clock every 10 to 40 us: one that has not for so long is in a long
    // step, or in some of middle length, which the question for its CPU time will tell apart.
    view.stuck = now_ns - view.proc->now_ns >= kStuck_ns;
}

bool Watcher::work_waits() const {
    bool moving = false;
    for (const View& view : views_) {
        if (view.stuck && !view.proc->queue.empty()) return true;
        moving |= !view.stuck;
    }
    // Who moves sees to all the rest.
    if (moving) return false;
    if (scheduler_.injection_.size() > 0) return true;
    const std::int64_t earliest = scheduler_.earliest_timer_ns();
    if (earliest <= scheduler_.now_ns()) return true;
    // Nobody would notice an event, or a timer that becomes due.
    return !scheduler_.poller.owned() &&
           (scheduler_.poller.descriptors() > 0 || earliest != TimerHeap::kNever);
}

std::int64_t Watcher::cpu_now(const View& view) const noexcept {
    return cpu_time_ns ? cpu_time_ns(*view.machine) : thread_cpu_ns(view.tid);
}

Watcher::Doing Watcher::doing(const View& view, std::int64_t now_ns) {
    if (view.proc->in_section) return Doing::blocked;
    Seen& seen = seen_[view.proc->index];
    const std::int64_t cpu_ns = cpu_now(view);
    const std::int64_t before_ns = std::exchange(seen.cpu_ns, cpu_ns);
    const std::int64_t passed_ns = now_ns - std::exchange(seen.cpu_at_ns, now_ns);
    if (cpu_ns < 0 || before_ns < 0) return Doing::unknown;
    if ((cpu_ns - before_ns) * 4 >= passed_ns) return Doing::computing;
    // On a busy machine a thread may get no CPU and yet be willing.
    return !cpu_time_ns && thread_state(view.tid) == 'R' ? Doing::computing : Doing::blocked;
}

bool Watcher::is_hopeless(const View& view) const noexcept {
    return rescue_after_ns_ > 0 && view.age_ns >= rescue_after_ns_ &&
           std::all_of(views_.begin(), views_.end(), [](const View& each) { return each.stuck; });
}

// Returns after how long to look again.
std::int64_t Watcher::help(std::int64_t now_ns) {
    std::int64_t next_ns = kNap_ns;
    const bool waits = work_waits();
    bool lent_any = false;
    if (waits) hand_out_what_waits();
    for (const View& view : views_) {
        Seen& seen = seen_[view.proc->index];
        if (view.lent) {
            if (seen.hopeless || doing(view, now_ns) != Doing::computing) continue;
            std::lock_guard guard(scheduler_.idle_lock_);
            if (view.proc->lent) scheduler_.take_back_locked(*view.proc);
        } else if (waits && view.stuck && scheduler_.idle_procs() <= 0) {
            const Doing now = doing(view, now_ns);
            if (now == Doing::unknown) next_ns = kProbe_ns;
            const bool hopeless = now == Doing::computing && is_hopeless(view);
            if (now != Doing::blocked && !hopeless) continue;
            if (!scheduler_.lend(*view.machine, *view.proc, view.step)) continue;
            seen.hopeless = hopeless;
            lent_any = true;
        }
    }
    // The sleeper in the poller may not have counted on a free processor.
    if (lent_any) scheduler_.poller.kick();
    if (waits && scheduler_.idle_procs() > 0) (void)scheduler_.wake_one(true);
    return next_ns;
}

// Others steal only when they have nothing to do. While they are busy, what lies behind a long step
// would wait for its end: from the injection queue everybody takes a share.
void Watcher::hand_out_what_waits() noexcept {
    const bool moving =
        std::any_of(views_.begin(), views_.end(), [](const View& each) { return !each.stuck; });
    if (!moving) return;
    for (const View& view : views_) {
        if (view.stuck) scheduler_.injection_.push(view.proc->queue.steal_all());
    }
}

std::int64_t Watcher::look(std::int64_t now_ns) {
    looks_.fetch_add(1, std::memory_order_relaxed);
    take_views();
    std::int64_t next_ns = kNap_ns;
    for (View& view : views_) {
        date(view, now_ns);
        if (!view.task) continue;
        const std::int64_t left_ns = long_step_ns_ - view.age_ns;
        if (left_ns > 0) {
            next_ns = std::min(next_ns, std::max(left_ns, kProbe_ns));
            continue;
        }
        if (!seen_[view.proc->index].told) note_long_step(view);
        if (view.age_ns > longest_step_ns_.load(std::memory_order_relaxed))
            longest_step_ns_.store(view.age_ns, std::memory_order_relaxed);
    }
    next_ns = std::min(next_ns, help(now_ns));
    // Last: a thread that does not answer keeps the teller waiting, and nobody else.
    for (const View& view : views_) {
        if (view.to_tell) tell(view, now_ns);
    }
    return views_.empty() ? kPark : next_ns;
}

void Watcher::note_long_step(View& view) {
    Seen& seen = seen_[view.proc->index];
    seen.told = true;
    long_steps_.fetch_add(1, std::memory_order_relaxed);
    // The next look at the clock of its processor tells step_over() when it ended. Attention would
    // change the order of its tasks.
    view.proc->long_since_ns = seen.since_ns;
    view.to_tell = true;
}

// ---- lending ----

bool Scheduler::lend(Machine& machine, Proc& proc, const StepName& step) noexcept {
    std::lock_guard guard(idle_lock_);
    if (machine.proc != &proc || proc.lent || step_of(proc) != step ||
        stopping_.load(std::memory_order_relaxed) || active_procs() >= kMaxProcs)
        return false;
    proc.lent = true;
    lent_.fetch_add(1, std::memory_order_relaxed);
    proc.attention.store(true, std::memory_order_release);
    resize_locked(wanted_procs() + lent_procs());
    watcher.stand_ins_.fetch_add(1, std::memory_order_relaxed);
    return true;
}

// Requires: idle_lock_.
void Scheduler::take_back_locked(Proc& proc) noexcept {
    proc.lent = false;
    lent_.fetch_sub(1, std::memory_order_relaxed);
    resize_locked(wanted_procs() + lent_procs());
    // As in max_procs().
    poller.kick();
    watcher.busy_locked(monotonic_ns());
}

// By the machine that holds the processor, when it was called to attention.
void Scheduler::step_ended(Proc& proc) noexcept {
    std::lock_guard guard(idle_lock_);
    if (proc.lent) take_back_locked(proc);
}

void Watcher::step_over(Proc& proc) noexcept {
    const std::int64_t lasted_ns = proc.now_ns - proc.long_since_ns;
    proc.long_since_ns = 0;
    std::int64_t longest = longest_step_ns_.load(std::memory_order_relaxed);
    while (lasted_ns > longest &&
           !longest_step_ns_.compare_exchange_weak(longest, lasted_ns, std::memory_order_relaxed)) {
    }
}

// ---- telling ----

void Watcher::tell(const View& view, std::int64_t now_ns) {
    if (!log_enabled(LogLevel::warn)) return;
    if (now_ns - told_from_ns_ >= kTellWindow_ns) {
        told_from_ns_ = now_ns;
        told_ = 0;
    }
    if (++told_ > kTellMost) {
        ++untold_;
        return;
    }
    std::string line = text_of_long_step(*view.machine, view.task, view.proc->index, view.age_ns);
    if (untold_ > 0) line += "; " + std::to_string(untold_) + " more were not told";
    untold_ = 0;
    log(LogLevel::warn, "core", line);
}

Watcher::Stats Watcher::stats() const noexcept {
    return {.long_steps = long_steps_.load(std::memory_order_relaxed),
            .longest_step_ns = longest_step_ns_.load(std::memory_order_relaxed),
            .stand_ins = stand_ins_.load(std::memory_order_relaxed),
            .looks = looks_.load(std::memory_order_relaxed)};
}

}  // namespace pilotfish::core
