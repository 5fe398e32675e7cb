// The life of a task: how its record is made, joined, detached, finished and freed.
#include <memory>
#include <new>
#include <string>

#include "core/cancel.h"
#include "core/outside_call.h"
#include "core/scheduler.h"
#include "core/task.h"

namespace pilotfish::core {

// Identities that a processor takes from the common counter at once.
constexpr std::uint64_t kIdBlock = 64;

namespace {
struct DropTags {
    void operator()(TaskTags* tags) const noexcept { tags->drop(); }
};
using OwnedTags = std::unique_ptr<TaskTags, DropTags>;
}  // namespace

TaskRecord* Scheduler::make_record(FrameBase* top, const SpawnOptions& options,
                                   const std::source_location& where, bool outside) {
    TaskTags* inherited = !outside && tls.task ? tls.task->tags : nullptr;
    OwnedTags tags;
    if (inherited || !options.name.empty() || options.labels.size() != 0) [[unlikely]]
        tags.reset(tags_for_child(inherited, options.name, options.labels));
    TaskRecord* record = new (FramePool::allocate(sizeof(TaskRecord))) TaskRecord;
    record->tags = tags.release();
    record->top = record->leaf = top;
    record->created_at = where;
    record->where.store(where, std::memory_order_relaxed);
    record->since_ms.store(tls.now_ms, std::memory_order_relaxed);
    if (outside) {
        record->id = next_id_.fetch_add(1, std::memory_order_relaxed);
        record->shard = kMaxProcs;
        outside_created.fetch_add(1, std::memory_order_relaxed);
        outside_tasks_.add(record);
        return record;
    }
    Proc& proc = *tls.proc;
    if (proc.next_id == proc.last_id) {
        proc.next_id = next_id_.fetch_add(kIdBlock, std::memory_order_relaxed);
        proc.last_id = proc.next_id + kIdBlock;
    }
    record->id = proc.next_id++;
    record->creator_id = tls.task ? tls.task->id : 0;
    record->shard = proc.index;
    proc.created.add();
    proc.tasks.add(record);
    return record;
}

void free_record(TaskRecord* record) noexcept {
    if (record->top) destroy_frame(record->top);
    if (record->tags) record->tags->drop();
    record->~TaskRecord();
    FramePool::release(record, sizeof(TaskRecord));
}

[[noreturn]] static void die_of_exception(TaskRecord* record) noexcept {
    std::string text = "an exception left " + task_title(record->id, record->tags);
    text += ", which nobody joins: ";
    try {
        std::rethrow_exception(record->top->error);
    } catch (const std::exception& error) {
        text += error.what();
    } catch (...) {
        text += "not a std::exception";
    }
    check_failed(record->created_at.file_name(), static_cast<int>(record->created_at.line()),
                 "spawn", text);
}

static void die_unless_quiet(TaskRecord* record) noexcept {
    if (!ends_quietly(record->top->error)) die_of_exception(record);
}

void Scheduler::finish_running(Proc& proc) noexcept {
    TaskRecord* record = tls.task;
    tls.finished = false;
    tls.task = nullptr;
    if (record->locked) [[unlikely]]
        end_locked(*record);
    record->state.store(state_word::kDone, std::memory_order_release);
    shard_of(*record).remove(record);
    proc.finished.add();
    const bool is_main = record == main_record_;
    // Releases the result to the joiner, acquires a detacher's or joiner's word.
    TaskRecord* joiner = record->joiner.exchange(kFinished, std::memory_order_acq_rel);
    if (joiner == kDetached) {
        if (record->top->error) die_unless_quiet(record);
        free_record(record);
    } else if (joiner) {
        // The joiner is parked until we say so: nobody else can destroy it.
        joiner->woken.store(true, std::memory_order_relaxed);
        proc.handed = joiner;
    }
    if (is_main) request_stop();
}

void detach_record(TaskRecord* record) noexcept {
    TaskRecord* before = record->joiner.exchange(kDetached, std::memory_order_acq_rel);
    if (before != kFinished) return;
    if (record->top && record->top->error) die_unless_quiet(record);
    free_record(record);
}

// Depth first, as fork-join wants it: a tree of a million is walked with a handful alive. True: the
// child was the newest in the ring and is the next to run.
static bool run_next_if_newest(TaskRecord* child) noexcept {
    Proc& proc = *tls.proc;
    proc.joining = true;
    if (child->state.load(std::memory_order_relaxed) != state_word::kCreated) return false;
    proc.depth_first = true;
    std::uint32_t mark = 0;
    // What was woken goes first. What was newest is taken, or thieves have taken it.
    if (!proc.queue.lifo_empty() || proc.queue.newest(mark) != child || !proc.queue.pop_newest())
        return false;
    proc.handed = child;
    return true;
}

bool join_wait(JoinWaiter& waiter, FrameBase& leaf, const std::source_location& where) noexcept {
    // Not joining yet, so nobody can claim the wait before the exchange below.
    if (begin_wait(leaf, WaitReason::join, where, waiter) == Begun::cancelled) return false;
    TaskRecord* self = waiter.task;
    if (run_next_if_newest(waiter.target)) {
        // Nobody else can reach the child before it runs. From here on a cancellation may resume
        // this task elsewhere.
        waiter.target->joiner.store(self, std::memory_order_release);
        return true;
    }
    TaskRecord* nobody = nullptr;
    if (waiter.target->joiner.compare_exchange_strong(nobody, self, std::memory_order_acq_rel))
        return true;
    PF_CHECK(nobody == kFinished, "a task was joined twice");
    enter_running(self);
    return false;
}

TaskRecord* spawn_record(FrameBase* top, const SpawnOptions& options,
                         const std::source_location& where) {
    PF_CHECK(top, "spawn of a Task that was moved away");
    PF_CHECK(tls.proc, "spawn outside of a task: use Runtime::spawn_external");
    Scheduler& scheduler = *Scheduler::current();
    TaskRecord* record = scheduler.make_record(top, options, where, false);
    Proc& proc = *tls.proc;
    if (!proc.queue.push(record)) [[unlikely]] {
        TaskList half = proc.queue.pop_half();
        half.push(record);
        scheduler.inject(half);
        (void)scheduler.wake_one(true);
    }
    return record;
}

TaskRecord* spawn_record_external(FrameBase* top, const SpawnOptions& options,
                                  const std::source_location& where) {
    PF_CHECK(top, "spawn of a Task that was moved away");
    Scheduler* scheduler = Scheduler::current();
    PF_CHECK(scheduler, "spawn_external without a Runtime");
    TaskRecord* record = scheduler->make_record(top, options, where, true);
    scheduler->inject(record);
    scheduler->notify();
    return record;
}

// From here on no dump walks the chain.
static void end_readers(TaskRecord* record) noexcept {
    std::uint32_t word = record->state.load(std::memory_order_relaxed);
    while (word & state_word::kReading || !record->state.compare_exchange_weak(
                                              word, state_word::kDone, std::memory_order_acq_rel)) {
        if (word & state_word::kReading) {
            await_readers(record);
            word = record->state.load(std::memory_order_relaxed);
        }
    }
}

void Scheduler::destroy_tasks() noexcept {
    over_.store(true, std::memory_order_seq_cst);
    await_outside_calls();
    injection_.close();
    tls.tearing_down = true;
    auto empty = [](RegistryShard& shard) {
        while (TaskRecord* record = shard.front()) {
            end_readers(record);
            // From the leaf up: a child may hold references into its callers, and a deep chain must
            // not be destroyed by recursion.
            for (FrameBase* frame = record->leaf; frame;) {
                FrameBase* parent = frame->parent;
                if (parent) parent->calling->child = nullptr;
                destroy_frame(frame);
                frame = parent;
            }
            record->top = record->leaf = nullptr;
            shard.remove(record);
            if (record->joiner.exchange(kFinished, std::memory_order_acq_rel) == kDetached)
                free_record(record);
        }
    };
    each_proc([&](Proc& proc) { empty(proc.tasks); });
    empty(outside_tasks_);
    tls.tearing_down = false;
}

}  // namespace pilotfish::core
