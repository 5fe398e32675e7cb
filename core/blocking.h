// Calls that block their thread, made beside the scheduler.
//
//     const int status = co_await blocking([&] { return flock(fd, LOCK_EX); });
//
// Call from a task. Suspends until the call returned; the callable lies in the awaiter. At most
// RuntimeOptions::max_blocking_threads calls run at once, further ones wait. Fails: an exception of
// the callable is thrown to the awaiter. The end of the runtime waits for calls that have begun.
#pragma once

#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/blocking_pool.h"
#include "core/task_record.h"

namespace pilotfish::core {

void submit_blocking(BlockingJob& job);

template <class Fn>
class BlockingAwait : BlockingJob {
    using Result = std::invoke_result_t<Fn&>;
    using Stored = std::conditional_t<std::is_void_v<Result>, char, Result>;

  public:
    BlockingAwait(Fn&& fn, const std::source_location& where) : fn_(std::move(fn)), where_(where) {}
    BlockingAwait(const BlockingAwait&) = delete;
    BlockingAwait& operator=(const BlockingAwait&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) {
        run = &BlockingAwait::call;
        task_ = begin_wait(frame.promise(), WaitReason::blocking_call, where_);
        submit_blocking(*this);
    }
    Result await_resume() {
        if (error_) std::rethrow_exception(error_);
        if constexpr (!std::is_void_v<Result>) return std::move(*value_);
    }

  private:
    static void call(BlockingJob& job) noexcept {
        auto& self = static_cast<BlockingAwait&>(job);
        try {
            if constexpr (std::is_void_v<Result>)
                self.fn_();
            else
                self.value_.emplace(self.fn_());
        } catch (...) {
            self.error_ = std::current_exception();
        }
        // The runtime waits for this thread before it destroys tasks, so the task is there.
        if (make_runnable(self.task_)) notify_scheduler();
    }

    Fn fn_;
    std::source_location where_;
    std::optional<Stored> value_;
    std::exception_ptr error_;
    TaskRecord* task_ = nullptr;
};

template <class Fn>
struct [[nodiscard]] BlockingCall {
    Fn fn;
    BlockingAwait<Fn> awaiter(const std::source_location& where) {
        return BlockingAwait<Fn>(std::move(fn), where);
    }
};

template <class Fn>
BlockingCall<std::decay_t<Fn>> blocking(Fn&& fn) {
    return {std::forward<Fn>(fn)};
}

}  // namespace pilotfish::core
