// What runs a task at this moment, and where: for dumps.
//
//     RunningTasks running;                             // for one dump
//     if (const RunningTask* now = running.find(task.record)) ...
//
// Thread-safety: a RunningTasks belongs to one thread. Ownership: the answer lasts until the next
// question. Blocks: find() 0.1 s at most for a thread that does not answer, all questions of one
// dump 0.2 s; nobody else is stopped, the asked thread for some microseconds. Fails: never.
#pragma once

#include <chrono>

#include "core/native_stack.h"

namespace pilotfish::core {

struct RunningTask {
    std::uint32_t processor = 0;
    // Since it was last resumed, or a few short steps before.
    std::chrono::nanoseconds running_for{0};
    bool has_stack = false;  // false: its thread did not answer
    NativeStack stack;
};

class RunningTasks {
  public:
    // nullptr: nobody runs it, or no more. `record` is TaskInfo::record.
    const RunningTask* find(const void* record);

  private:
    std::chrono::nanoseconds left_ = std::chrono::milliseconds(200);
    RunningTask answer_;
};

}  // namespace pilotfish::core
