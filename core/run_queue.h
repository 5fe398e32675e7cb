// The queues of runnable tasks.
//
// RunQueue is one processor's: a ring of 256 and one LIFO slot, so that the task just woken runs
// next while its data is warm. The owner pushes with plain stores and takes either end: the oldest
// task for fairness, the newest for fork-join, where a child that runs at once finds its parent's
// data warm and a tree is walked in depth, with a handful of tasks alive instead of a million.
// Others steal the older half. InjectionQueue is everybody's: what comes from outside threads and
// what overflows.
//
// The ring holds the positions from head to tail - 1. Go's (proc.go runqget, runqgrab) gives out
// at the head alone, by one compare-exchange, so its tail never goes back and a thief that has read
// head and tail may trust them until its exchange. Taking at the tail breaks that: a thief holds
// an old tail and would take the newest task as well. Chase and Lev (2005) arbitrate the last task
// only, because their thieves take one each; with thieves that take half, any taker may be the
// one that reaches the newest. So the head word carries a version, and the owner
//
//     1. stores tail - 1,
//     2. adds one to the version by compare-exchange on the head word,
//     3. has the newest task if that succeeded while head had not reached it, else restores tail.
//
// Why it is right: whoever exchanges the head word has seen no other exchange since it read it. A
// thief whose read came before 2 fails if 2 succeeded. A thief that read what 2 wrote
// synchronises with it, so it sees the tail of 1 or a later one and cannot reach the task taken;
// nor a task that was pushed into its place without reading that push's tail. If a thief
// is faster, 2 fails, the owner reads the head anew and asks again whether the newest is still
// there. The dangerous order is 2 before 1, which looks as good: one thief takes all but the newest
// with the new version and the old tail, the next reads both anew and takes the newest as well.
// Between 1 and the restoring of 3 tail may lie one below head: that is an empty ring.
// The model test walks through all interleavings. Position and version wrap after 2^32 operations:
// a thief would have to be set aside between its read and its exchange for exactly that many.
//
// Rejected: a full fence instead of 2 (Chase-Lev; costs the same, and needs a bound on how much
// a thief takes); a private part that only its owner sees (what lies there cannot be stolen while
// its owner is in a long step).
//
// Thread-safety: the functions under "owner" are for the thread that holds the processor, the
// others for any thread. Owns no task. Never fails. InjectionQueue spins for a few instructions.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "core/spin_lock.h"
#include "core/task_record.h"

namespace pilotfish::core {

// A singly linked list of tasks that belongs to one thread.
struct TaskList {
    TaskRecord* head = nullptr;
    TaskRecord* tail = nullptr;
    std::size_t size = 0;

    void push(TaskRecord* task) noexcept {
        task->queue_next = nullptr;
        (tail ? tail->queue_next : head) = task;
        tail = task;
        ++size;
    }
    TaskRecord* pop() noexcept {
        TaskRecord* task = head;
        if (!task) return nullptr;
        head = task->queue_next;
        if (!head) tail = nullptr;
        --size;
        return task;
    }
};

class InjectionQueue {
  public:
    void push(TaskRecord* task) noexcept {
        TaskList one;
        one.push(task);
        push(one);
    }
    void push(TaskList list) noexcept {
        if (!list.head) return;
        std::lock_guard guard(lock_);
        if (closed_) return;
        (list_.tail ? list_.tail->queue_next : list_.head) = list.head;
        list_.tail = list.tail;
        list_.size += list.size;
        size_.store(list_.size, std::memory_order_release);
    }
    // For a task that may be destroyed as soon as this queue is closed. False: it is.
    bool push_woken(TaskRecord* task) noexcept {
        std::lock_guard guard(lock_);
        if (closed_) return false;
        task->woken.store(true, std::memory_order_relaxed);
        list_.push(task);
        size_.store(list_.size, std::memory_order_release);
        return true;
    }
    TaskList take(std::size_t most) noexcept {
        TaskList out;
        if (size() == 0) return out;
        std::lock_guard guard(lock_);
        while (out.size < most) {
            TaskRecord* task = list_.pop();
            if (!task) break;
            out.push(task);
        }
        size_.store(list_.size, std::memory_order_release);
        return out;
    }
    // Forgets what lies here and whatever is pushed from now on: the tasks are being destroyed, and
    // a link must not be written behind one that is gone.
    void close() noexcept {
        std::lock_guard guard(lock_);
        closed_ = true;
        list_ = TaskList{};
        size_.store(0, std::memory_order_release);
    }
    std::size_t size() const noexcept { return size_.load(std::memory_order_acquire); }

  private:
    SpinLock lock_;
    bool closed_ = false;
    TaskList list_;
    std::atomic<std::size_t> size_{0};
};

// Atomic: std::atomic, or the model test's, which lets other threads in at every access.
template <template <class> class Atomic, std::uint32_t Capacity>
class BasicRunQueue {
  public:
    static constexpr std::uint32_t kCapacity = Capacity;
    static_assert((Capacity & (Capacity - 1)) == 0, "positions wrap");

    // Owner: behind all others. False: full.
    bool push(TaskRecord* task) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        // Acquire pairs with the thieves' release of head_: they have read the slots they took.
        if (tail - position(head_.load(std::memory_order_acquire)) >= kCapacity) [[unlikely]]
            return false;
        ring_[tail % kCapacity].store(task, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // Owner: the oldest.
    TaskRecord* pop() noexcept {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        while (position(head) != tail_.load(std::memory_order_relaxed)) {
            TaskRecord* task = ring_[position(head) % kCapacity].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
                return task;
        }
        return nullptr;
    }

    // Owner: the newest.
    TaskRecord* pop_newest() noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        std::uint64_t head = head_.load(std::memory_order_relaxed);
        if (position(head) == tail) return nullptr;
        // Release: a thief that reads this tail reads the tasks below it.
        tail_.store(tail - 1, std::memory_order_release);
        if (static_cast<std::int32_t>(lowest_ - tail) >= 0) lowest_ = tail - 1;
        do {
            if (head_.compare_exchange_weak(head, head + kVersion, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
                return ring_[(tail - 1) % kCapacity].load(std::memory_order_relaxed);
        } while (position(head) != tail);
        tail_.store(tail, std::memory_order_release);  // thieves have taken all
        return nullptr;
    }

    // Owner: what was pushed last, and a mark to ask left() with; nullptr: the ring is empty.
    TaskRecord* newest(std::uint32_t& mark) const noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == position(head_.load(std::memory_order_acquire))) return nullptr;
        mark = tail - 1;
        return ring_[mark % kCapacity].load(std::memory_order_relaxed);
    }
    // Owner: what lay at the mark has been taken out, by whomever, unless by pop_newest().
    // Positions wrap.
    bool left(std::uint32_t mark) const noexcept {
        const std::uint32_t head = position(head_.load(std::memory_order_acquire));
        return static_cast<std::int32_t>(head - mark) > 0;
    }

    // Owner: how many of those in the ring were in it at the last call, always overtaken by the
    // newest.
    std::uint32_t overtaken() noexcept {
        const std::uint32_t head = position(head_.load(std::memory_order_relaxed));
        const std::uint32_t older = lowest_ - head;
        lowest_ = tail_.load(std::memory_order_relaxed);
        return static_cast<std::int32_t>(older) > 0 ? older : 0;
    }

    // Owner: takes everything out, what was in the LIFO slot first.
    TaskList pop_all() noexcept {
        TaskList out;
        if (TaskRecord* task = take_lifo()) out.push(task);
        while (TaskRecord* task = pop()) out.push(task);
        return out;
    }

    // Any thread: everything that is there, the oldest first.
    TaskList steal_all() noexcept {
        TaskList out;
        while (TaskRecord* task = steal()) out.push(task);
        if (TaskRecord* task = take_lifo()) out.push(task);
        return out;
    }

    // Any thread: the oldest.
    TaskRecord* steal() noexcept {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t tail = tail_.load(std::memory_order_acquire);
            if (static_cast<std::int32_t>(tail - position(head)) <= 0) return nullptr;
            TaskRecord* task = ring_[position(head) % kCapacity].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
                return task;
        }
    }

    // Owner: takes up to half of the ring out, to be given to the injection queue.
    TaskList pop_half() noexcept {
        TaskList out;
        for (std::uint32_t left = size() - size() / 2; left > 0; --left) {
            TaskRecord* task = pop();
            if (!task) break;
            out.push(task);
        }
        return out;
    }

    // Owner: puts the task into the LIFO slot; returns the one it displaces, if any. Only the owner
    // fills the slot, so an empty one needs no atomic exchange.
    TaskRecord* push_lifo(TaskRecord* task) noexcept {
        if (lifo_.load(std::memory_order_relaxed) == nullptr) {
            lifo_.store(task, std::memory_order_release);
            return nullptr;
        }
        return lifo_.exchange(task, std::memory_order_acq_rel);
    }
    // Any thread.
    TaskRecord* take_lifo() noexcept {
        if (lifo_.load(std::memory_order_relaxed) == nullptr) return nullptr;
        return lifo_.exchange(nullptr, std::memory_order_acq_rel);
    }
    // Any thread; exact for the owner if true.
    bool lifo_empty() const noexcept { return lifo_.load(std::memory_order_relaxed) == nullptr; }

    // The owner of `into`, an empty ring: moves half of this one there and returns one more task to
    // be run at once; nullptr when there was nothing.
    TaskRecord* steal_into(BasicRunQueue& into, std::uint32_t& stolen) noexcept {
        std::uint64_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t tail = tail_.load(std::memory_order_acquire);
            const std::uint32_t length = tail - position(head);
            if (static_cast<std::int32_t>(length) <= 0) return nullptr;
            const std::uint32_t count = length - length / 2;
            if (count > kCapacity / 2) {  // head and tail were not of one moment
                head = head_.load(std::memory_order_acquire);
                continue;
            }
            const std::uint32_t target = into.tail_.load(std::memory_order_relaxed);
            for (std::uint32_t i = 0; i < count; ++i) {
                into.ring_[(target + i) % kCapacity].store(
                    ring_[(position(head) + i) % kCapacity].load(std::memory_order_relaxed),
                    std::memory_order_relaxed);
            }
            if (!head_.compare_exchange_weak(head, head + count, std::memory_order_acq_rel,
                                             std::memory_order_acquire))
                continue;
            stolen = count;
            // The last one is run by the thief, the others become stealable from it.
            TaskRecord* last =
                into.ring_[(target + count - 1) % kCapacity].load(std::memory_order_relaxed);
            into.tail_.store(target + count - 1, std::memory_order_release);
            return last;
        }
    }

    // Any thread; exact only for the owner while nobody steals.
    std::uint32_t size() const noexcept {
        const std::uint32_t head = position(head_.load(std::memory_order_acquire));
        const std::uint32_t length = tail_.load(std::memory_order_acquire) - head;
        if (static_cast<std::int32_t>(length) <= 0) return 0;
        return length > kCapacity ? kCapacity : length;
    }
    bool empty() const noexcept { return size() == 0 && lifo_empty(); }

  private:
    friend struct RunQueueTestPeer;
    // The head word: the position below, the version above; a position that wraps adds to the
    // version, which does no harm.
    static constexpr std::uint64_t kVersion = std::uint64_t{1} << 32;
    static constexpr std::uint32_t position(std::uint64_t word) noexcept {
        return static_cast<std::uint32_t>(word);
    }

    alignas(64) Atomic<std::uint64_t> head_{0};  // the line thieves write
    alignas(64) Atomic<std::uint32_t> tail_{0};
    std::uint32_t lowest_ = 0;  // tail since the last overtaken(); owner only
    Atomic<TaskRecord*> lifo_{nullptr};
    std::array<Atomic<TaskRecord*>, kCapacity> ring_{};
};

using RunQueue = BasicRunQueue<std::atomic, 256>;  // as Go and Tokio

}  // namespace pilotfish::core
