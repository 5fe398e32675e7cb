// What the scheduler knows of a task and of each coroutine frame: the vocabulary of everything that
// suspends. Users of tasks want core/task.h; authors of new awaitables want this file.
//
// A task is a TaskRecord (root: identity, state, registry links) and a chain of coroutine frames,
// each of which begins with a FrameBase. A parked task's chain is found by walking from record.leaf
// through FrameBase::parent; each frame's place is the `where` of the call it is waiting in, the
// leaf's is record.where.
//
// The state word guards the chain. Running -> waiting is a plain store by the task itself, made
// before it can be found by any waker. Waiting -> running is a compare-exchange by the worker that
// resumes it. A dump may set kReading on a task that is not running; the resuming worker then waits
// (at most the copying of 32 pointers) until it is cleared. So a chain that is being read cannot
// move, and nobody else notices. The waker writes one byte, `woken`, and never the state word: one
// atomic read-modify-write a switch is the whole price of being observable.
//
// Thread-safety: said per member. Ownership: see core/task.h. Never blocks, but for the reading
// bit.
#pragma once

#include <atomic>
#include <concepts>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string_view>

#include "core/fence.h"
#include "core/relaxed.h"
#include "core/ring.h"
#include "core/spin_lock.h"

namespace pilotfish::core {

struct Proc;
struct TaskRecord;
class FramePool;
struct ChildCall;

// Why a wait ended.
enum class Wake : std::uint8_t {
    ready = 1,      // what was waited for is there
    timed_out = 2,  // the deadline came first
    closed = 3,     // the thing waited on was closed; it will never be ready again
    cancelled = 4,  // the task was asked to end: the await throws Cancelled
};

enum class TaskState : std::uint8_t {
    created,   // spawned, has not run yet
    runnable,  // waits in a queue for a processor
    running,   // holds a processor
    waiting,   // parked; the wait reason says on what
    done,      // ended; its result may still wait to be joined
};
inline constexpr int kTaskStates = 5;
std::string_view to_string(TaskState state) noexcept;

// Named as Go's dumps name them.
enum class WaitReason : std::uint8_t {
    none,
    chan_send,
    chan_receive,
    select,
    sleep,
    mutex,
    semaphore,
    io_wait,
    join,
    yield,
    blocking_call,
    wait_group,
    select_no_cases,
    read_lock,
    write_lock,
    once,
    event,
    condition,
};
std::string_view to_string(WaitReason reason) noexcept;

// Lies at the start of every promise: 24 bytes. GCC and clang both put the promise at a fixed
// offset of the frame while its alignment is at most 16, so a FrameBase is as good as a coroutine
// handle.
struct FrameBase {
    FrameBase* parent = nullptr;   // the frame that awaits this one; nullptr: top of its task
    ChildCall* calling = nullptr;  // the child call this frame is in
    std::exception_ptr error;      // what left the coroutine, until the awaiter takes it

    std::coroutine_handle<> handle() noexcept {
        return std::coroutine_handle<FrameBase>::from_promise(*this);
    }
};

// One `co_await child()` in progress; lives in the awaiting frame and owns the child's frame.
struct ChildCall {
    FrameBase* child = nullptr;
    std::source_location where;
};

namespace state_word {
inline constexpr std::uint32_t kCreated = 0;
inline constexpr std::uint32_t kRunning = 1;
inline constexpr std::uint32_t kWaiting = 2;
inline constexpr std::uint32_t kDone = 3;
inline constexpr std::uint32_t kPhaseMask = 0xff;
inline constexpr int kReasonShift = 8;
inline constexpr std::uint32_t kReading = 1U << 16;
constexpr std::uint32_t waiting(WaitReason reason) {
    return kWaiting | static_cast<std::uint32_t>(reason) << kReasonShift;
}
}  // namespace state_word

struct Waiter;
class TaskTags;

struct RegistryLink : RingLink {
    bool cursor = false;  // a walker's bookmark, not a task
};

// Allocated from the frame pool; ordered so that what a switch touches lies together.
struct TaskRecord : RegistryLink {
    std::atomic<bool> woken{false};   // in a queue; written by the waker that claimed the task
    std::atomic<bool> cancel{false};  // asked to end; never taken back
    std::uint8_t shields = 0;         // touched by the task alone
    Relaxed<bool> locked;             // to its thread; written by the task itself
    std::atomic<std::uint32_t> state{state_word::kCreated};
    FrameBase* leaf = nullptr;         // guarded by the state word
    Waiter* waiter = nullptr;          // likewise; nullptr: the wait cannot be cancelled
    TaskRecord* queue_next = nullptr;  // link of whichever queue holds the task
    std::atomic<std::source_location> where{std::source_location()};  // of the last wait
    std::atomic<std::uint32_t> since_ms{0};  // coarse time of the last park, of the low 32 bits
    std::uint32_t shard = 0;                 // registry shard that holds it
    FrameBase* top = nullptr;
    std::atomic<TaskRecord*> joiner{nullptr};  // nullptr, a waiting task, kFinished or kDetached
    std::uint64_t id = 0;
    std::uint64_t creator_id = 0;  // 0: outside of the runtime
    std::source_location created_at;
    TaskTags* tags = nullptr;  // name and labels; replaced under the lock of its shard

    bool cancel_pending() const noexcept {
        return cancel.load(std::memory_order_relaxed) && shields == 0;
    }
};
static_assert(std::atomic<std::source_location>::is_always_lock_free);

// Values of TaskRecord::joiner that are no tasks.
inline TaskRecord* const kFinished = reinterpret_cast<TaskRecord*>(1);
inline TaskRecord* const kDetached = reinterpret_cast<TaskRecord*>(2);

enum class WaitKind : std::uint8_t { event, join };

// A wait that more than one side may end (an event, a deadline, a close, a cancellation): whoever
// claims it first has to make the task runnable. Lives in the awaiter.
struct Waiter {
    TaskRecord* task = nullptr;
    std::atomic<std::uint8_t> claimed{0};  // 0, or a Wake
    WaitKind kind = WaitKind::event;
    std::atomic<bool> handed{false};  // by a WaitPlace: who claimed it is done with the frame

    bool claim(Wake how) noexcept {
        std::uint8_t open = 0;
        return claimed.compare_exchange_strong(open, static_cast<std::uint8_t>(how),
                                               std::memory_order_acq_rel);
    }
    Wake result() const noexcept {
        return static_cast<Wake>(claimed.load(std::memory_order_acquire));
    }
};

// The wait of a join is claimed in the target's `joiner`, not here.
struct JoinWaiter : Waiter {
    TaskRecord* target = nullptr;
};

// What a thread is doing for the runtime. `next` is the trampoline: instead of resuming one
// another, coroutines leave the next frame here and return to the worker's loop. GCC 12 makes no
// tail call of symmetric transfer below -O2 or under sanitizers, and the loop costs nothing
// measurable.
struct ThreadState {
    FrameBase* next = nullptr;
    Relaxed<TaskRecord*> task;    // the task being run
    FramePool* frames = nullptr;  // the processor's; nullptr on outside threads
    Proc* proc = nullptr;         // nullptr on outside threads
    std::uint32_t now_ms = 0;     // coarse clock, low 32 bits
    std::int32_t budget = 0;      // operations this step may still do without suspending
    bool finished = false;        // the top frame reached its end
    bool tearing_down = false;    // the runtime is over: frames are destroyed where they wait
};
// initial-exec: one instruction instead of a call, in shared objects too.
extern constinit thread_local ThreadState tls __attribute__((tls_model("initial-exec")));

// Marks the running task as waiting. Call under the lock of what is waited on, last thing before
// the task can be found by a waker; after that neither the frame nor the record may be touched.
inline TaskRecord* begin_wait(FrameBase& leaf, WaitReason reason,
                              const std::source_location& where) noexcept {
    TaskRecord* task = tls.task;
    task->leaf = &leaf;
    task->where.store(where, std::memory_order_relaxed);
    task->since_ms.store(tls.now_ms, std::memory_order_relaxed);
    // Pairs with the acquiring exchange of a dump: it sees the chain as it is now.
    task->waiter = nullptr;
    task->state.store(state_word::waiting(reason), std::memory_order_release);
    return task;
}

// Waiting, created -> running, by the worker about to resume it or by the task that need not wait
// after all.
void await_readers(TaskRecord* task) noexcept;
inline void enter_running(TaskRecord* task) noexcept {
    std::uint32_t word = task->state.load(std::memory_order_relaxed);
    if (word == state_word::kCreated) {  // a dump sets no bit on it
        task->state.store(state_word::kRunning, std::memory_order_relaxed);
        return;
    }
    // Acquire pairs with the release of a reader that lets go.
    while (word & state_word::kReading ||
           !task->state.compare_exchange_weak(word, state_word::kRunning, std::memory_order_acq_rel,
                                              std::memory_order_relaxed)) {
        if (word & state_word::kReading) {
            await_readers(task);
            word = task->state.load(std::memory_order_relaxed);
        }
    }
}

// How a wait that may be cancelled has begun.
enum class Begun : std::uint8_t {
    parked,     // make it known to what is waited on, and suspend
    cancelled,  // do not suspend: it runs on, and the waiter's result is Wake::cancelled
    taken,      // suspend, but make it known to nobody: it is on its way to being resumed
};

// As begin_wait above, for a wait that ends by whoever claims the waiter. A task that has been
// cancelled does not park. Call it under the lock that the awaiter takes before it is destroyed:
// from here on, another thread may resume the task.
inline Begun begin_wait(FrameBase& leaf, WaitReason reason, const std::source_location& where,
                        Waiter& waiter) noexcept {
    TaskRecord* task = tls.task;
    task->leaf = &leaf;
    task->where.store(where, std::memory_order_relaxed);
    task->since_ms.store(tls.now_ms, std::memory_order_relaxed);
    waiter.task = task;
    task->waiter = task->shields == 0 ? &waiter : nullptr;
    const bool cancellable = task->shields == 0;
    task->state.store(state_word::waiting(reason), std::memory_order_release);
    if (!cancellable) return Begun::parked;
    // Pairs with the fence in request_cancel(): one side must see the other.
    full_fence();
    if (!task->cancel.load(std::memory_order_relaxed)) [[likely]]
        return Begun::parked;
    // A join cannot have been claimed yet: its target does not know of it.
    if (!waiter.claim(Wake::cancelled)) return Begun::taken;
    enter_running(task);
    return Begun::cancelled;
}

// Puts a parked task into a queue. Any thread. The caller has claimed the task and still holds the
// lock of what it waited on, so that the task cannot be destroyed meanwhile. True: call
// notify_scheduler() once that lock is released.
[[nodiscard]] bool make_runnable(TaskRecord* task) noexcept;
// The same for a thread outside of the runtime, which may be ending: sets waiter.handed, after
// which the waiter is not touched any more.
[[nodiscard]] bool make_runnable_outside(Waiter& waiter) noexcept;
// Wakes a processor for work from outside, if none runs. Any thread.
void notify_scheduler() noexcept;
// Puts the running task, after begin_wait, behind the other runnable ones.
void yield_running(TaskRecord* task) noexcept;

// Counts one operation that was ready at once. True: the task has had its share (128 operations, as
// Tokio's) and should give way to others.
inline bool budget_exhausted() noexcept { return --tls.budget < 0; }
inline constexpr std::int32_t kOperationBudget = 128;

// What may be awaited: a small description of an operation, which makes its awaiter where it will
// stay. Awaiters hold links that others point to, so they are never moved; and a coroutine's frame
// keeps the description as well, so it is kept small.
template <class Operation>
concept Awaitable =
    requires(Operation operation, const std::source_location& where) { operation.awaiter(where); };

}  // namespace pilotfish::core
