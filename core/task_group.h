// TaskGroup: tasks that end together. The scope waits for all of them; the first error, or a
// cancellation, is passed to every other.
//
//     co_await with_group([&](TaskGroup& group) {
//         group.spawn(fetch(a, left));
//         group.spawn(fetch(b, right));
//     });                                  // both are over here, whatever happened
//
// The body may be a plain function or return a Task<>, and may go on spawning while others run.
// When the body, or any task of the group, fails, the others are cancelled (core/cancel.h) and
// with_group throws that first error once all have ended. When the surrounding task is cancelled,
// so are they. A task that is merely cancelled, or calls goexit(), is no error. A std::stop_token
// given to the group cancels it too; stop_token() lets other code hear of it.
//
// Where a scope does not fit (a server's connections), hold a TaskGroup and await wait() before it
// is destroyed; to destroy one whose tasks still live is a bug and aborts.
//
// Thread-safety: spawn, wait: one task at a time, the group's owner or its tasks; cancel, size: any
// thread. Ownership: owns no task; references given to its tasks must outlive wait(). Suspends:
// with_group, wait. Fails: the first error; Cancelled when the waiting task was.
#pragma once

#include <cstddef>
#include <exception>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "core/cancel.h"
#include "core/ring.h"
#include "core/spin_lock.h"
#include "core/task.h"
#include "core/wait_group.h"

namespace pilotfish::core {

class TaskGroup;

// Waits for every task that body(group) spawned; see above.
template <class Body>
Task<> with_group(Body body, std::stop_token parent = {});

class TaskGroup {
  public:
    explicit TaskGroup(std::stop_token parent = {});
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    ~TaskGroup();

    void spawn(Task<> task, const SpawnOptions& options = {},
               std::source_location where = std::source_location::current()) {
        fork(std::move(task), options, where).detach();
    }
    // The same, for a result. An error reaches both the joiner and the group.
    template <class T>
    JoinHandle<T> fork(Task<T> task, const SpawnOptions& options = {},
                       std::source_location where = std::source_location::current()) {
        tasks_.add(1);
        try {
            return core::spawn(run(*this, std::move(task)), options, where);
        } catch (...) {
            tasks_.done();
            throw;
        }
    }

    // Asks every task to end, present and future.
    void cancel() noexcept;
    bool cancelled() const noexcept { return stop_.stop_requested(); }
    // Requested when the group is cancelled, by whatever.
    std::stop_token stop_token() const noexcept { return stop_.get_token(); }
    std::size_t size() const noexcept { return static_cast<std::size_t>(tasks_.count()); }

    // Until no task is left; then throws the first error, if any. More may be spawned afterwards.
    Task<> wait();

  private:
    // A started task's place in its group; lies in the task's outermost frame.
    class Membership : RingLink {
      public:
        explicit Membership(TaskGroup& group) noexcept;
        Membership(const Membership&) = delete;
        Membership& operator=(const Membership&) = delete;
        ~Membership();

      private:
        friend TaskGroup;
        TaskGroup* group_;  // nullptr: the group was destroyed with the runtime
        TaskRecord* record_;
    };

    template <class T>
    static Task<T> run(TaskGroup& group, Task<T> task) {
        Membership membership(group);
        std::exception_ptr error;
        try {
            // The task's frame and arguments end with this statement, before the membership.
            co_return co_await std::move(task);
        } catch (const TaskUnwind&) {
            throw;
        } catch (...) {
            error = std::current_exception();
        }
        group.fail(error);
        throw ReportedError{{}, error};
    }

    template <class Body>
    friend Task<> with_group(Body body, std::stop_token parent);

    void fail(const std::exception_ptr& error) noexcept;

    struct Cancel {
        TaskGroup* group;
        void operator()() const noexcept { group->cancel(); }
    };

    WaitGroup tasks_;
    bool awaited_ = false;  // somebody is in wait()
    SpinLock lock_;         // over the rest
    std::stop_source stop_;
    RingEnds members_;          // started tasks
    RingEnds cancelled_;        // those that have been asked to end
    std::exception_ptr error_;  // the first
    std::optional<std::stop_callback<Cancel>> parent_;
};

template <class Body>
Task<> with_group(Body body, std::stop_token parent) {
    TaskGroup group(std::move(parent));
    std::exception_ptr unwound;
    if constexpr (std::is_void_v<std::invoke_result_t<Body&, TaskGroup&>>) {
        try {
            body(group);
        } catch (const TaskUnwind&) {
            unwound = std::current_exception();
            group.cancel();
        } catch (...) {
            group.fail(std::current_exception());
        }
    } else {
        // One of its own tasks, so that another's error reaches it too.
        group.spawn(body(group));
    }
    co_await group.wait();
    if (unwound) std::rethrow_exception(unwound);
}

}  // namespace pilotfish::core
