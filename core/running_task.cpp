#include "core/running_task.h"

#include <algorithm>

#include "core/scheduler.h"

namespace pilotfish::core {

const RunningTask* RunningTasks::find(const void* record) {
    Scheduler* scheduler = Scheduler::current();
    if (!scheduler) return nullptr;
    const auto [machine, proc] = scheduler->who_runs(record);
    if (!machine) return nullptr;
    const auto start = std::chrono::steady_clock::now();
    answer_.processor = proc->index;
    answer_.running_for =
        std::chrono::nanoseconds(std::max<std::int64_t>(0, to_ns(start) - step_begun_ns(*proc)));
    constexpr std::chrono::nanoseconds kMost = std::chrono::milliseconds(100);
    answer_.has_stack =
        left_.count() > 0 && machine->native.capture(answer_.stack, std::min(left_, kMost));
    left_ -= std::chrono::steady_clock::now() - start;
    // It has gone on to another task.
    if (answer_.has_stack && answer_.stack.task != record) return nullptr;
    return &answer_;
}

}  // namespace pilotfish::core
