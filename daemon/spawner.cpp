#include "daemon/spawner.h"

#include "core/blocking_section.h"
#include "core/cancel.h"
#include "core/locked_thread.h"
#include "core/runtime.h"

namespace pilotfish::daemon {

void Spawner::carry_out(Job& job) noexcept {
    try {
        // The image of a program may lie on a slow disk.
        const core::BlockingSection section;
        job.function();
    } catch (...) {
        job.failure = std::current_exception();
    }
    job.done.set();  // from here on the job may be gone
}

core::Task<void> Spawner::serve() {
    auto job = co_await jobs_.receive();
    if (!job.value) co_return;
    // Not earlier: the thread that does the first job keeps all of them, whichever it is.
    const core::ThreadLock lock;
    for (;;) {
        carry_out(**job.value);
        job = co_await jobs_.receive();
        if (!job.value) co_return;  // the spawner is gone
    }
}

core::Task<void> Spawner::run_on(std::function<void()> function) {
    const core::Shield shield;  // the job lies in this frame
    Job job{.function = std::move(function)};
    jobs_.post(&job);
    if (!serves_.exchange(true, std::memory_order_relaxed))
        core::spawn(serve(), {.name = "spawner"}).detach();
    co_await job.done.wait();
    if (job.failure) std::rethrow_exception(job.failure);
}

}  // namespace pilotfish::daemon
