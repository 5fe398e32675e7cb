// Task<T>: a coroutine of the runtime; spawn(): a task of its own; JoinHandle<T>: its result.
//
//     Task<int> answer(std::string question);          // lazy: runs when awaited or spawned
//     int n = co_await answer(text);                    // runs as part of this task
//     JoinHandle<int> h = spawn(answer(text), {.name = "answer"});
//     int m = co_await h;                               // waits for the other task
//
// Thread-safety: a Task or JoinHandle belongs to one task at a time. Ownership: a Task owns its
// frame, a JoinHandle shares the result with the task; dropping a JoinHandle detaches the task. A
// reference given to a coroutine must outlive its completion. Suspends: co_await. Fails: an
// exception goes to the awaiter or joiner; one that leaves a task nobody joins ends the process
// with a traceback.
//
// GCC 12 miscompiles some coroutine calls; the rules are: arguments are named variables, never
// braced aggregates; no co_await inside ?: or inside the arguments of another call; no lambda
// coroutine with captures.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <initializer_list>
#include <optional>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/cancel.h"
#include "core/check.h"
#include "core/frame_pool.h"
#include "core/task_record.h"
#include "core/task_tags.h"

namespace pilotfish::core {

template <class T>
class Task;
template <class T>
class JoinHandle;
template <class T>
class ChildAwait;
template <class T>
class JoinAwait;

// Common to the promises of all result types.
struct PromiseBase : FrameBase {
    struct FinalAwait {
        bool await_ready() const noexcept { return false; }
        template <class Promise>
        void await_suspend(std::coroutine_handle<Promise> frame) const noexcept {
            FrameBase* parent = frame.promise().parent;
            tls.next = parent;
            tls.finished = parent == nullptr;
        }
        void await_resume() const noexcept {}
    };

    std::suspend_always initial_suspend() const noexcept { return {}; }
    FinalAwait final_suspend() const noexcept { return {}; }
    void unhandled_exception() noexcept { error = std::current_exception(); }

    static void* operator new(std::size_t bytes) { return FramePool::allocate(bytes); }
    static void operator delete(void* memory, std::size_t bytes) noexcept {
        FramePool::release(memory, bytes);
    }

    // Every awaiter learns where it is awaited. Templates, because GCC 12 names the function of a
    // default source_location rightly only there.
    template <class U>
    auto await_transform(Task<U>&& task,
                         std::source_location where = std::source_location::current()) noexcept {
        return ChildAwait<U>(std::move(task), where);
    }
    template <class U>
    auto await_transform(Task<U>& task,
                         std::source_location where = std::source_location::current()) noexcept {
        return ChildAwait<U>(std::move(task), where);
    }
    template <class U>
    auto await_transform(JoinHandle<U>&& handle,
                         std::source_location where = std::source_location::current()) noexcept {
        return JoinAwait<U>(std::move(handle), where);
    }
    template <class U>
    auto await_transform(JoinHandle<U>& handle,
                         std::source_location where = std::source_location::current()) noexcept {
        return JoinAwait<U>(std::move(handle), where);
    }
    template <Awaitable Operation>
    auto await_transform(Operation operation,
                         std::source_location where = std::source_location::current()) {
        return operation.awaiter(where);
    }
};

template <class T>
struct TaskPromise : PromiseBase {
    static_assert(!std::is_reference_v<T>, "return a pointer instead of a reference");
    std::optional<T> value;

    Task<T> get_return_object() noexcept;
    template <class U = T>
        requires std::convertible_to<U&&, T>
    void return_value(U&& result) {
        value.emplace(std::forward<U>(result));
    }
    T take() {
        if (error) [[unlikely]]
            std::rethrow_exception(std::exchange(error, nullptr));
        return std::move(*value);
    }
};

template <>
struct TaskPromise<void> : PromiseBase {
    Task<void> get_return_object() noexcept;
    void return_void() const noexcept {}
    void take() {
        if (error) [[unlikely]]
            std::rethrow_exception(std::exchange(error, nullptr));
    }
};

// Destroys a frame that does not run, whatever its type.
inline void destroy_frame(FrameBase* frame) noexcept { frame->handle().destroy(); }

template <class T = void>
class [[nodiscard]] Task {
  public:
    using promise_type = TaskPromise<T>;

    Task() = default;
    Task(Task&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
    Task& operator=(Task&& other) noexcept {
        if (this != &other) {
            if (frame_) destroy_frame(frame_);
            frame_ = std::exchange(other.frame_, nullptr);
        }
        return *this;
    }
    ~Task() {
        if (frame_) destroy_frame(frame_);
    }

    explicit operator bool() const noexcept { return frame_ != nullptr; }
    FrameBase* frame() const noexcept { return frame_; }
    // Gives the frame away: who takes it destroys it.
    FrameBase* release() noexcept { return std::exchange(frame_, nullptr); }

  private:
    friend promise_type;
    explicit Task(promise_type* frame) noexcept : frame_(frame) {
        static_assert(alignof(promise_type) <= 16, "FrameBase needs the promise at a fixed offset");
    }
    promise_type* frame_ = nullptr;
};

template <class T>
Task<T> TaskPromise<T>::get_return_object() noexcept {
    return Task<T>(this);
}
inline Task<void> TaskPromise<void>::get_return_object() noexcept { return Task<void>(this); }

template <class T>
class [[nodiscard]] ChildAwait : ChildCall {
  public:
    ChildAwait(Task<T>&& task, const std::source_location& place) noexcept {
        child = task.release();
        where = place;
        PF_CHECK(child, "co_await of a Task that was moved away");
    }
    ChildAwait(const ChildAwait&) = delete;
    ChildAwait& operator=(const ChildAwait&) = delete;
    ~ChildAwait() {
        if (child) destroy_frame(child);
    }
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> parent) noexcept {
        FrameBase& frame = parent.promise();
        child->parent = &frame;
        frame.calling = this;
        tls.next = child;
    }
    T await_resume() { return static_cast<TaskPromise<T>*>(child)->take(); }
};

struct SpawnOptions {
    std::string_view name = {};                    // shown in dumps; cut at 64 bytes
    std::initializer_list<LabelView> labels = {};  // see core/task_tags.h
};

// The untyped half of spawn and join; see spawn.cpp.
TaskRecord* spawn_record(FrameBase* top, const SpawnOptions& options,
                         const std::source_location& where);
TaskRecord* spawn_record_external(FrameBase* top, const SpawnOptions& options,
                                  const std::source_location& where);
// Gives the handle's share up. Any thread.
void detach_record(TaskRecord* record) noexcept;
// Requires: finished. Frees frame and record.
void free_record(TaskRecord* record) noexcept;
// False: it has finished and nothing is to be waited for, or the wait was cancelled.
bool join_wait(JoinWaiter& waiter, FrameBase& leaf, const std::source_location& where) noexcept;
// Throws what a joiner gets for the task's error: itself, TaskEnded, or, of a task without a result
// that ended quietly, nothing.
void rethrow_to_joiner(TaskRecord* record, bool has_result);

template <class T = void>
class [[nodiscard]] JoinHandle {
  public:
    JoinHandle() = default;
    explicit JoinHandle(TaskRecord* record) noexcept : record_(record) {}
    JoinHandle(JoinHandle&& other) noexcept : record_(std::exchange(other.record_, nullptr)) {}
    JoinHandle& operator=(JoinHandle&& other) noexcept {
        if (this != &other) {
            detach();
            record_ = std::exchange(other.record_, nullptr);
        }
        return *this;
    }
    ~JoinHandle() { detach(); }

    explicit operator bool() const noexcept { return record_ != nullptr; }
    // Requires: not empty.
    std::uint64_t id() const noexcept { return record_->id; }
    // True: co_await will not suspend.
    bool finished() const noexcept {
        return record_->joiner.load(std::memory_order_acquire) == kFinished;
    }
    void detach() noexcept {
        if (record_) detach_record(std::exchange(record_, nullptr));
    }
    // Asks the task to end: see core/cancel.h. Any thread. Requires: not empty.
    void cancel() noexcept { request_cancel(record_); }
    TaskRecord* release() noexcept { return std::exchange(record_, nullptr); }

  private:
    TaskRecord* record_ = nullptr;
};

template <class T>
class [[nodiscard]] JoinAwait : JoinWaiter {
  public:
    JoinAwait(JoinHandle<T>&& handle, const std::source_location& place) noexcept : where_(place) {
        kind = WaitKind::join;
        target = handle.release();
        PF_CHECK(target, "co_await of a JoinHandle that was joined, detached or moved away");
    }
    JoinAwait(const JoinAwait&) = delete;
    JoinAwait& operator=(const JoinAwait&) = delete;
    ~JoinAwait() {
        if (target) detach_record(target);
    }
    bool await_ready() const noexcept {
        return target->joiner.load(std::memory_order_acquire) == kFinished;
    }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return join_wait(*this, frame.promise(), where_);
    }
    // A joiner that is cancelled detaches the task.
    T await_resume() {
        if (result() == Wake::cancelled) [[unlikely]]
            throw_cancelled();
        struct Free {
            TaskRecord* record;
            ~Free() { free_record(record); }
        } free{std::exchange(target, nullptr)};
        if (free.record->top->error) [[unlikely]] {
            rethrow_to_joiner(free.record, !std::is_void_v<T>);
            if constexpr (std::is_void_v<T>) return;
        }
        return static_cast<TaskPromise<T>*>(free.record->top)->take();
    }

  private:
    std::source_location where_;
};

// The heap is over its limit (core/memory_room.h): the untyped half of what spawn does about it.
extern constinit std::atomic<bool> spawn_brake;
void give_way_when_spawning() noexcept;
Task<void> wait_for_memory_room();
template <class T>
Task<T> begin_with_room(Task<T> task) {
    Task<void> room = wait_for_memory_room();
    co_await room;
    co_return co_await task;
}

// Starts the task beside the caller. Requires: called from a task of the runtime.
template <class T>
JoinHandle<T> spawn(Task<T> task, SpawnOptions options = {},
                    std::source_location where = std::source_location::current()) {
    if (spawn_brake.load(std::memory_order_relaxed)) [[unlikely]] {
        give_way_when_spawning();
        if (task) task = begin_with_room(std::move(task));
    }
    // Released only now: a task that could not be recorded is destroyed here.
    JoinHandle<T> handle(spawn_record(task.frame(), options, where));
    task.release();
    return handle;
}

struct YieldAwait {
    std::source_location where;
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        yield_running(begin_wait(frame.promise(), WaitReason::yield, where));
    }
    void await_resume() const {
        if (cancel_requested()) [[unlikely]]
            throw_cancelled();
    }
};

struct [[nodiscard]] Yield {
    YieldAwait awaiter(const std::source_location& where) const noexcept { return {where}; }
};

// Lets the other runnable tasks go first.
inline Yield yield() noexcept { return {}; }

}  // namespace pilotfish::core
