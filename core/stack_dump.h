// The stacks of tasks: the chain of awaiting frames of each, taken one task at a time while all
// others go on, and their text in the layout of Go's goroutine dumps.
//
// A parked or runnable task shows each frame's function and the line it waits at, innermost first.
// A running one shows where it last waited, and in texts its processor and the native frames of its
// thread (running_task.h). Frames below 32 are cut and said so.
//
// Thread-safety: any thread. Ownership: TaskInfo is a copy, its text points to static data. Blocks:
// a processor's spin lock for 64 tasks at a time; the callbacks run without any lock; texts wait up
// to 0.2 s in all for threads of running tasks. Fails: never.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <source_location>
#include <string>
#include <string_view>
#include <type_traits>

#include "core/running_task.h"
#include "core/task_record.h"
#include "core/task_tags.h"

namespace pilotfish::core {

struct TaskInfo {
    static constexpr int kDeepest = 32;

    const void* record = nullptr;  // for comparing only: it may be gone
    std::uint64_t id = 0;
    std::uint64_t creator_id = 0;  // 0: spawned from outside of the runtime
    TaskState state = TaskState::created;
    WaitReason wait_reason = WaitReason::none;  // of waiting tasks
    std::chrono::milliseconds since{0};         // for how long; coarse; of waiting tasks
    std::source_location created_at;
    std::array<std::source_location, kDeepest> frames;  // where each frame waits, innermost first
    int depth = 0;                                      // of frames
    bool cut = false;                                   // there were more
    bool locked = false;                                // to its thread
    TagsRef tags;                                       // empty: neither name nor labels

    std::string_view name() const { return tags ? std::string_view(tags->name) : ""; }
};

// visit(const TaskInfo&) -> bool: false stops the walk. Tasks that come or go meanwhile may be
// missed.
template <class Visit>
void for_each_task(Visit visit);
// visit(TaskState), without names and frames.
template <class Visit>
void for_each_task_state(Visit visit);

// "a::b(int)" from what the compiler calls the function a location lies in; GCC names a coroutine's
// body `void a::b(a::b(int)::_ZN...Frame*)`.
std::string_view function_of(const std::source_location& where, std::string& room);

// One task as Go prints it:  goroutine 7 [chan receive, 2 minutes]:\nfunction\n\tfile:line\n...\n
void append_stack(std::string& out, const TaskInfo& task, const RunningTask* running = nullptr);

// Pieces of the dump in order: debug=2 of /debug/pprof/goroutine, one by one.
// sink(std::string_view) -> bool: false ends it.
template <class Sink>
void write_stacks(Sink sink);
// The running task's stack, or all.
std::string stack_text(bool all);
// For PF_CHECK: all stacks to a descriptor. Async-signal-unsafe, but takes no lock for ever.
void dump_tasks_to_fd(int fd) noexcept;

// ---- the untyped halves ----

void walk_tasks(bool (*visit)(void* context, const TaskInfo& task), void* context);
void walk_task_states(void (*visit)(void* context, TaskState state), void* context);

template <class Visit>
void for_each_task(Visit visit) {
    walk_tasks([](void* context,
                  const TaskInfo& task) -> bool { return (*static_cast<Visit*>(context))(task); },
               &visit);
}

template <class Visit>
void for_each_task_state(Visit visit) {
    walk_task_states([](void* context, TaskState state) { (*static_cast<Visit*>(context))(state); },
                     &visit);
}

template <class Sink>
void write_stacks(Sink sink) {
    constexpr std::size_t kPiece_bytes = 16384;
    std::string piece;
    bool going = true;
    RunningTasks running;
    for_each_task([&](const TaskInfo& task) {
        append_stack(piece, task,
                     task.state == TaskState::running ? running.find(task.record) : nullptr);
        if (piece.size() < kPiece_bytes) return true;
        going = sink(std::string_view(piece));
        piece.clear();
        return going;
    });
    if (going && !piece.empty()) sink(std::string_view(piece));
}

}  // namespace pilotfish::core
