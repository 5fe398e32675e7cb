// The one thread on which every child of the daemon is made, and on which the daemon executes its
// successor.
//
//     co_await spawner.run_on([&] { result = table.spawn(request, *this, SIGTERM); });
//
// PR_SET_PDEATHSIG, whoever asks for it, fires when the *thread* that made the child ends, not when
// its process does. So a child made on any thread may be killed in the midst of its work: when that
// thread ends, and at the latest when another thread calls execve, which ends all but itself.
//
// The thread is that of a task locked to it from its first job on (core/locked_thread.h). At the
// first start of all there is but one thread, and the job runs there at once: nobody waits for a
// thread to be made or woken before the first exec. Rejected: a thread made for it beside the
// runtime's (50 us later at the first exec); the runtime's threads as they come (a thread that
// ended with a locked task of a plugin's took the children along).
//
// Thread-safety: run_on() from any task. Ownership: its task; what a job refers to is the caller's
// and outlives the call. Suspends: run_on(), until the function has returned; jobs run one after
// another in the order they came, and each may block the thread (vfork does, until exec), which
// holds up no other task for longer than core/blocking_section.h says. Fails: what the function
// throws, to the caller; a cancellation is heard after it.
#pragma once

#include <atomic>
#include <exception>
#include <functional>

#include "core/channel.h"
#include "core/event.h"
#include "core/task.h"

namespace pilotfish::daemon {

class Spawner {
  public:
    Spawner() = default;
    Spawner(const Spawner&) = delete;
    Spawner& operator=(const Spawner&) = delete;

    core::Task<void> run_on(std::function<void()> function);

  private:
    struct Job {
        std::function<void()> function;
        std::exception_ptr failure{};
        core::Event done{};
    };

    static void carry_out(Job& job) noexcept;
    core::Task<void> serve();

    core::Channel<Job*> jobs_;
    std::atomic<bool> serves_{false};
};

}  // namespace pilotfish::daemon
