#include "core/timer_heap.h"

#include <mutex>
#include <new>

namespace pilotfish::core {
namespace {
constexpr std::size_t kArity = 4;  // as Go: half the depth of a binary heap, children on one line
}

void TimerHeap::publish() noexcept {
    const std::int64_t earliest = entries_.empty() ? kNever : entries_.front().deadline_ns;
    if (earliest_ns_.load(std::memory_order_relaxed) != earliest)
        earliest_ns_.store(earliest, std::memory_order_release);
}

void TimerHeap::sift_up(std::size_t at, const Entry& entry) noexcept {
    while (at > 0) {
        const std::size_t parent = (at - 1) / kArity;
        if (entries_[parent].deadline_ns <= entry.deadline_ns) break;
        place(at, entries_[parent]);
        at = parent;
    }
    place(at, entry);
}

void TimerHeap::sift_down(std::size_t at, const Entry& entry) noexcept {
    const std::size_t size = entries_.size();
    for (;;) {
        const std::size_t first = at * kArity + 1;
        if (first >= size) break;
        std::size_t least = first;
        const std::size_t last = first + kArity < size ? first + kArity : size;
        for (std::size_t child = first + 1; child < last; ++child) {
            if (entries_[child].deadline_ns < entries_[least].deadline_ns) least = child;
        }
        if (entries_[least].deadline_ns >= entry.deadline_ns) break;
        place(at, entries_[least]);
        at = least;
    }
    place(at, entry);
}

void TimerHeap::remove_at(std::size_t at) noexcept {
    const Entry moved = entries_.back();
    entries_.pop_back();
    if (at == entries_.size()) return;
    if (at > 0 && entries_[(at - 1) / kArity].deadline_ns > moved.deadline_ns)
        sift_up(at, moved);
    else
        sift_down(at, moved);
}

void TimerHeap::arm(TimedWaiter& node, std::int64_t deadline_ns) {
    std::lock_guard guard(lock_);
    make_room();
    node.heap.store(this, std::memory_order_release);
    insert(deadline_ns, node);
}

// Requires: room for one more.
void TimerHeap::insert(std::int64_t deadline_ns, TimedWaiter& node) noexcept {
    entries_.push_back({deadline_ns, &node});
    sift_up(entries_.size() - 1, {deadline_ns, &node});
    publish();
}

void TimerHeap::disarm(TimedWaiter& node) noexcept {
    while (TimerHeap* heap = node.heap.load(std::memory_order_acquire)) {
        std::lock_guard guard(heap->lock_);
        // Fired, or moved to another processor's heap, before the lock was ours.
        if (node.heap.load(std::memory_order_relaxed) != heap) continue;
        heap->remove_at(node.position);
        node.heap.store(nullptr, std::memory_order_relaxed);
        heap->publish();
    }
}

void TimerHeap::fire(std::int64_t now_ns, TaskList& out) noexcept {
    if (earliest_ns_.load(std::memory_order_acquire) > now_ns) return;
    std::lock_guard guard(lock_);
    while (!entries_.empty() && entries_.front().deadline_ns <= now_ns) {
        TimedWaiter& node = *entries_.front().node;
        remove_at(0);
        // Claim before letting go of the node: a waiter whose claim is taken by somebody else may
        // be destroyed as soon as it sees no heap.
        TaskRecord* task = node.task;
        const bool claimed = node.claim(Wake::timed_out);
        node.heap.store(nullptr, std::memory_order_release);
        if (!claimed) continue;
        task->woken.store(true, std::memory_order_relaxed);
        out.push(task);
    }
    publish();
}

void TimerHeap::move_to(TimerHeap& other) noexcept {
    // Nodes in between belong to no heap that can be locked: both locks are held, in the order of
    // the addresses.
    TimerHeap* first = this < &other ? this : &other;
    TimerHeap* second = this < &other ? &other : this;
    std::lock_guard guard_first(first->lock_);
    std::lock_guard guard_second(second->lock_);
    try {
        other.entries_.reserve(other.entries_.size() + entries_.size());
    } catch (const std::bad_alloc&) {
        return;  // they are fired where they lie, too
    }
    for (const Entry& entry : entries_) {
        other.entries_.push_back(entry);
        entry.node->heap.store(&other, std::memory_order_release);
        other.sift_up(other.entries_.size() - 1, entry);
    }
    entries_.clear();
    publish();
    other.publish();
}

std::size_t TimerHeap::size() const noexcept {
    std::lock_guard guard(lock_);
    return entries_.size();
}

}  // namespace pilotfish::core
