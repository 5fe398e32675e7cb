#include "core/stack_dump.h"

#include <unistd.h>

#include <vector>

#include "core/clock.h"
#include "core/scheduler.h"

namespace pilotfish::core {

std::string_view to_string(TaskState state) noexcept {
    switch (state) {
        case TaskState::created: return "created";
        case TaskState::runnable: return "runnable";
        case TaskState::running: return "running";
        case TaskState::waiting: return "waiting";
        case TaskState::done: return "done";
    }
    return "?";
}

std::string_view to_string(WaitReason reason) noexcept {
    switch (reason) {
        case WaitReason::none: return "waiting";
        case WaitReason::chan_send: return "chan send";
        case WaitReason::chan_receive: return "chan receive";
        case WaitReason::select: return "select";
        case WaitReason::sleep: return "sleep";
        case WaitReason::mutex: return "sync.Mutex.Lock";
        case WaitReason::semaphore: return "semacquire";
        case WaitReason::io_wait: return "IO wait";
        case WaitReason::join: return "join";
        case WaitReason::yield: return "runnable";
        case WaitReason::blocking_call: return "syscall";
        case WaitReason::wait_group: return "sync.WaitGroup.Wait";
        case WaitReason::select_no_cases: return "select (no cases)";
        case WaitReason::read_lock: return "sync.RWMutex.RLock";
        case WaitReason::write_lock: return "sync.RWMutex.Lock";
        case WaitReason::once: return "sync.Once.Do";
        case WaitReason::event: return "event wait";
        case WaitReason::condition: return "sync.Cond.Wait";
    }
    return "?";
}

namespace {

TaskState state_of(std::uint32_t word, bool woken) {
    switch (word & state_word::kPhaseMask) {
        case state_word::kCreated: return TaskState::created;
        case state_word::kRunning: return TaskState::running;
        case state_word::kWaiting: return woken ? TaskState::runnable : TaskState::waiting;
        default: return TaskState::done;
    }
}

// Copies the chain of a task that cannot move: the caller holds the reading bit.
void copy_chain(TaskInfo& out, const TaskRecord& task) {
    out.frames[0] = task.where.load(std::memory_order_relaxed);
    out.depth = 1;
    for (const FrameBase* frame = task.leaf->parent; frame; frame = frame->parent) {
        if (out.depth == TaskInfo::kDeepest) {
            out.cut = true;
            return;
        }
        out.frames[static_cast<std::size_t>(out.depth++)] = frame->calling->where;
    }
}

// Under the lock of the task's shard: the record stays.
void read_task(TaskInfo& out, TaskRecord& task, std::uint32_t now_ms) {
    out.record = &task;
    out.id = task.id;
    out.creator_id = task.creator_id;
    out.created_at = task.created_at;
    out.tags = TagsRef(task.tags);
    out.depth = 0;
    out.cut = false;
    out.locked = task.locked;
    std::uint32_t word = task.state.load(std::memory_order_acquire);
    for (;;) {
        if ((word & state_word::kPhaseMask) != state_word::kWaiting) break;
        if (word & state_word::kReading) {  // another dump
            cpu_relax();
            word = task.state.load(std::memory_order_acquire);
            continue;
        }
        // Acquire pairs with begin_wait: the chain is seen as it was parked.
        if (!task.state.compare_exchange_weak(word, word | state_word::kReading,
                                              std::memory_order_acquire))
            continue;
        copy_chain(out, task);
        task.state.fetch_and(~state_word::kReading, std::memory_order_release);
        break;
    }
    out.state = state_of(word, task.woken.load(std::memory_order_relaxed));
    if (out.state == TaskState::created) {
        out.frames[0] = task.created_at;
        out.depth = 1;
    } else if (out.state == TaskState::running) {
        out.frames[0] = task.where.load(std::memory_order_relaxed);
        out.depth = 1;
    }
    const bool waiting = out.state == TaskState::waiting;
    out.wait_reason = waiting ? static_cast<WaitReason>(word >> state_word::kReasonShift & 0xff)
                              : WaitReason::none;
    // Modulo 2^32 ms; the park's stamp may be a step newer than our clock.
    const auto age =
        static_cast<std::int32_t>(now_ms - task.since_ms.load(std::memory_order_relaxed));
    out.since = std::chrono::milliseconds(waiting && age > 0 ? age : 0);
}

template <class Visit>
void each_shard(Scheduler& scheduler, Visit visit) {
    if (!visit(scheduler.outside_tasks())) return;
    for (int i = 0, n = scheduler.made_procs(); i < n; ++i) {
        if (!visit(scheduler.proc(i)->tasks)) return;
    }
}

void append_place(std::string& out, const std::source_location& where) {
    std::string room;
    out.append(function_of(where, room)).append("\n\t").append(where.file_name());
    out.append(":").append(std::to_string(where.line())).append("\n");
}

}  // namespace

void walk_tasks(bool (*visit)(void*, const TaskInfo&), void* context) {
    Scheduler* scheduler = Scheduler::current();
    if (!scheduler) return;
    constexpr std::size_t kChunk = 64;  // of RegistryShard::walk
    std::vector<TaskInfo> chunk(kChunk);
    each_shard(*scheduler, [&](RegistryShard& shard) {
        std::size_t filled = 0;
        const auto now_ms = static_cast<std::uint32_t>(monotonic_ns() / 1'000'000);
        return shard.walk([&](TaskRecord& task) { read_task(chunk[filled++], task, now_ms); },
                          [&] {
                              for (std::size_t i = 0; i < filled; ++i) {
                                  if (!visit(context, chunk[i])) return false;
                              }
                              filled = 0;
                              return true;
                          });
    });
}

void walk_task_states(void (*visit)(void*, TaskState), void* context) {
    Scheduler* scheduler = Scheduler::current();
    if (!scheduler) return;
    each_shard(*scheduler, [&](RegistryShard& shard) {
        return shard.walk(
            [&](TaskRecord& task) {
                visit(context, state_of(task.state.load(std::memory_order_relaxed),
                                        task.woken.load(std::memory_order_relaxed)));
            },
            [] { return true; });
    });
}

std::string_view function_of(const std::source_location& where, std::string& room) {
    std::string_view text = where.function_name();
    constexpr std::string_view kVoid = "void ";
    // GCC: "void SCOPE::NAME(NAME(ARGS)::_ZMANGLED.Frame*)", where the inner NAME may have its
    // scope too.
    if (!text.starts_with(kVoid) || !text.ends_with("rame*)")) return text;
    const std::string_view body = text.substr(kVoid.size());
    const std::size_t end = body.rfind("::_Z");
    if (end == std::string_view::npos) return text;
    for (std::size_t at = body.find('('); at < end; at = body.find('(', at + 1)) {
        const std::size_t arguments = body.find('(', at + 1);
        if (arguments >= end) break;
        if (!body.substr(0, at).ends_with(body.substr(at + 1, arguments - at - 1))) continue;
        room = body.substr(0, at);
        room.append(body.substr(arguments, end - arguments));
        return room;
    }
    return text;
}

void append_stack(std::string& out, const TaskInfo& task, const RunningTask* running) {
    out.append("goroutine ").append(std::to_string(task.id)).append(" [");
    out.append(task.state == TaskState::waiting ? to_string(task.wait_reason)
                                                : to_string(task.state));
    const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(task.since).count();
    if (minutes > 0) out.append(", ").append(std::to_string(minutes)).append(" minutes");
    if (task.locked) out.append(", locked to thread");
    if (running) {
        out.append(", on processor ").append(std::to_string(running->processor));
        const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(running->running_for);
        if (ms.count() > 0) out.append(" for ").append(std::to_string(ms.count())).append(" ms");
    }
    if (!task.name().empty()) out.append(", \"").append(task.name()).append("\"");
    if (task.tags && !task.tags->labels.empty()) {
        out.append(", labels:");
        append_labels(out, *task.tags);
    }
    out.append("]:\n");
    if (running) {
        if (running->has_stack)
            append_frames(out, running->stack);
        else
            out.append("...its thread does not answer...\n");
    }
    if (task.state == TaskState::running) out.append("...last waited at\n");
    for (int i = 0; i < task.depth; ++i)
        append_place(out, task.frames[static_cast<std::size_t>(i)]);
    if (task.cut) out.append("...additional frames elided...\n");
    out.append("created by ");
    std::string room;
    out.append(function_of(task.created_at, room));
    if (task.creator_id) out.append(" in goroutine ").append(std::to_string(task.creator_id));
    out.append("\n\t").append(task.created_at.file_name()).append(":");
    out.append(std::to_string(task.created_at.line())).append("\n\n");
}

std::string stack_text(bool all) {
    std::string out;
    if (all) {
        write_stacks([&](std::string_view piece) {
            out.append(piece);
            return true;
        });
    } else if (TaskRecord* task = tls.task) {
        TaskInfo info;
        read_task(info, *task, tls.now_ms);
        append_stack(out, info);
    }
    return out;
}

void dump_tasks_to_fd(int fd) noexcept {
    try {
        std::string text;
        for_each_task([&](const TaskInfo& task) {
            text.clear();
            // Of running ones no native stack: this thread may hold any lock.
            append_stack(text, task);
            for (std::string_view rest = text; !rest.empty();) {
                const ssize_t written = write(fd, rest.data(), rest.size());
                if (written <= 0) return false;
                rest.remove_prefix(static_cast<std::size_t>(written));
            }
            return true;
        });
    } catch (const std::exception&) {
        // Out of memory on the way to abort(): what was written has to do.
    }
}

}  // namespace pilotfish::core
