// Cancelling a task that may be parked anywhere.
//
// The idea: cancellation is one more side that may claim a wait, beside the event, the deadline and
// the close. What is special is that it must find the wait from the task. The state word serves:
// with the reading bit set (as for a dump) a parked task's frames stay where they are, so its
// Waiter can be claimed; the worker that would resume it spins that long.
//
// The dangerous race is between a task that begins to wait and the request. Both write first and
// look second, with a fence between:
//
//     task (begin_wait)                     request_cancel
//     -----------------                     --------------
//     waiter = ...; state = waiting         cancel = true
//     fence                                 fence
//     cancel set? claim it ourselves        state waiting? claim its waiter
//
// One of them sees the other; if both do, the claim decides.
//
// Rejected: a std::stop_callback in every awaiter (32 bytes and a lock a wait); a list of waits in
// the task (the same); the bit in the state word (parking would then be a read-modify-write of a
// word that a dump also writes).
#include "core/cancel.h"

#include <sched.h>

#include <string>
#include <utility>

#include "core/fence.h"
#include "core/spin_lock.h"
#include "core/task.h"

namespace pilotfish::core {

bool ends_quietly(const std::exception_ptr& error) noexcept {
    if (!error) return true;
    try {
        std::rethrow_exception(error);
    } catch (const TaskUnwind&) {
        return true;
    } catch (...) {
        return false;
    }
}

void rethrow_to_joiner(TaskRecord* record, bool has_result) {
    auto ended = [&](const char* how) {
        if (!has_result) return;
        throw TaskEnded(task_title(record->id, record->tags) + how);
    };
    try {
        std::rethrow_exception(std::exchange(record->top->error, nullptr));
    } catch (const Cancelled&) {
        ended(" was cancelled: there is no result");
    } catch (const GoExit&) {
        ended(" called goexit(): there is no result");
    } catch (const ReportedError& reported) {
        std::rethrow_exception(reported.error);
    }
}

namespace {

enum class Claim { none, won, again };

// Requires: the task is parked and cannot move.
Claim claim_wait(TaskRecord* record) noexcept {
    Waiter* waiter = record->waiter;
    if (!waiter) return Claim::none;
    if (waiter->kind == WaitKind::event)
        return waiter->claim(Wake::cancelled) ? Claim::won : Claim::none;
    if (waiter->claimed.load(std::memory_order_relaxed) != 0)
        return Claim::none;  // cancelled twice
    // A joiner is claimed where its target finds it.
    TaskRecord* joiner = record;
    if (static_cast<JoinWaiter*>(waiter)->target->joiner.compare_exchange_strong(
            joiner, nullptr, std::memory_order_acq_rel)) {
        waiter->claim(Wake::cancelled);
        return Claim::won;
    }
    // Not there yet: the task is between begin_wait and making itself known to its target.
    return joiner == nullptr ? Claim::again : Claim::none;
}

}  // namespace

void request_cancel(TaskRecord* record) noexcept {
    record->cancel.store(true, std::memory_order_relaxed);
    // Pairs with the fence in begin_wait().
    full_fence();
    std::uint32_t word = record->state.load(std::memory_order_acquire);
    for (int spins = 0; (word & state_word::kPhaseMask) == state_word::kWaiting; ++spins) {
        if (spins >= 64) sched_yield();
        if (word & state_word::kReading) {
            cpu_relax();
            word = record->state.load(std::memory_order_acquire);
            continue;
        }
        // Acquire pairs with begin_wait: its waiter is seen.
        if (!record->state.compare_exchange_weak(word, word | state_word::kReading,
                                                 std::memory_order_acquire))
            continue;
        const Claim claim = claim_wait(record);
        // Before the reading bit is cleared: until then nobody can resume, and so destroy, it.
        const bool notify = claim == Claim::won && make_runnable(record);
        record->state.fetch_and(~state_word::kReading, std::memory_order_release);
        if (notify) notify_scheduler();
        if (claim != Claim::again) return;
        word = record->state.load(std::memory_order_acquire);
    }
}

}  // namespace pilotfish::core
