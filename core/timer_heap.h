// One processor's timers: a 4-ary heap of nodes that live in their awaiters.
//
// The earliest deadline is published, so that other threads can tell without the lock whether
// anything is due, and fire it when the owner is idle. Firing claims the waiter under the lock; a
// node that is no longer in a heap will not be touched again.
//
// Thread-safety: any thread; one spin lock, held for O(log n). Owns the array, not the nodes.
// Fails: std::bad_alloc when the array grows.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <mutex>
#include <vector>

#include "core/run_queue.h"
#include "core/spin_lock.h"
#include "core/task_record.h"

namespace pilotfish::core {

class TimerHeap;

// A wait that a deadline may end.
struct TimedWaiter : Waiter {
    std::uint32_t position = 0;             // guarded by the heap's lock
    std::atomic<TimerHeap*> heap{nullptr};  // nullptr: not armed
};

class TimerHeap {
  public:
    static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

    void arm(TimedWaiter& node, std::int64_t deadline_ns);
    // Begins the wait and arms its timer under one lock, so that who resumes the task meanwhile has
    // to wait in disarm(). begin() -> Begun; only a parked wait gets a timer.
    template <class Begin>
    Begun arm(TimedWaiter& node, std::int64_t deadline_ns, Begin begin);
    // Takes the node out of whatever heap holds it. Afterwards nobody will touch it.
    static void disarm(TimedWaiter& node) noexcept;
    // Claims the waiters that are due and appends their tasks to out.
    void fire(std::int64_t now_ns, TaskList& out) noexcept;
    // Moves all nodes to another heap; where memory is short they stay, and are fired here.
    void move_to(TimerHeap& other) noexcept;
    std::int64_t earliest_ns() const noexcept {
        return earliest_ns_.load(std::memory_order_seq_cst);
    }
    std::size_t size() const noexcept;

  private:
    struct Entry {
        std::int64_t deadline_ns;
        TimedWaiter* node;
    };
    void make_room() {
        if (entries_.size() == entries_.capacity()) entries_.reserve(2 * entries_.size() + 16);
    }
    void insert(std::int64_t deadline_ns, TimedWaiter& node) noexcept;
    void place(std::size_t at, const Entry& entry) noexcept {
        entries_[at] = entry;
        entry.node->position = static_cast<std::uint32_t>(at);
    }
    void sift_up(std::size_t at, const Entry& entry) noexcept;
    void sift_down(std::size_t at, const Entry& entry) noexcept;
    void remove_at(std::size_t at) noexcept;
    void publish() noexcept;

    mutable SpinLock lock_;
    std::vector<Entry> entries_;
    std::atomic<std::int64_t> earliest_ns_{kNever};
};

template <class Begin>
Begun TimerHeap::arm(TimedWaiter& node, std::int64_t deadline_ns, Begin begin) {
    std::lock_guard guard(lock_);
    make_room();
    node.heap.store(this, std::memory_order_release);
    const Begun begun = begin();
    if (begun == Begun::parked)
        insert(deadline_ns, node);
    else
        node.heap.store(nullptr, std::memory_order_relaxed);
    return begun;
}

// Arms a timer of the running task's processor. The wait has begun and others may know of it, so
// that there is no way back: std::terminate when the heap's array cannot grow.
void arm_timer(TimedWaiter& node, std::int64_t deadline_ns) noexcept;

}  // namespace pilotfish::core
