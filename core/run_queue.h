// The queues of runnable tasks.
//
// RunQueue is one processor's: a ring of 256 of which others steal half, and one LIFO slot, so that
// the task just woken runs next while its data is warm. The owner pushes with plain stores; taking
// out is a compare-exchange on the head, for owner and thieves alike (Go's algorithm, proc.go
// runqget and runqgrab). InjectionQueue is everybody's: what comes from outside threads and what
// overflows.
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

class RunQueue {
  public:
    static constexpr std::uint32_t kCapacity = 256;  // as Go and Tokio

    // Owner: behind all others. False: full.
    bool push(TaskRecord* task) noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        // Acquire pairs with the thieves' release of head_: they have read the slots they took.
        if (tail - head_.load(std::memory_order_acquire) >= kCapacity) [[unlikely]]
            return false;
        ring_[tail % kCapacity].store(task, std::memory_order_relaxed);
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }

    // Owner.
    TaskRecord* pop() noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        while (head != tail_.load(std::memory_order_relaxed)) {
            TaskRecord* task = ring_[head % kCapacity].load(std::memory_order_relaxed);
            if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel,
                                            std::memory_order_acquire))
                return task;
        }
        return nullptr;
    }

    // Owner: what was pushed last, and a mark to ask left() with; nullptr: the ring is empty.
    TaskRecord* newest(std::uint32_t& mark) const noexcept {
        const std::uint32_t tail = tail_.load(std::memory_order_relaxed);
        if (tail == head_.load(std::memory_order_acquire)) return nullptr;
        mark = tail - 1;
        return ring_[mark % kCapacity].load(std::memory_order_relaxed);
    }
    // Owner: what lay at the mark has been taken out, by whomever. Positions wrap.
    bool left(std::uint32_t mark) const noexcept {
        const std::uint32_t head = head_.load(std::memory_order_acquire);
        return static_cast<std::int32_t>(head - mark) > 0;
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

    // The owner of `into`, an empty ring: moves half of this one there and returns one more task to
    // be run at once; nullptr when there was nothing.
    TaskRecord* steal_into(RunQueue& into, std::uint32_t& stolen) noexcept {
        std::uint32_t head = head_.load(std::memory_order_acquire);
        for (;;) {
            const std::uint32_t tail = tail_.load(std::memory_order_acquire);
            std::uint32_t count = tail - head;
            count -= count / 2;
            if (count == 0) return nullptr;
            if (count > kCapacity / 2) {  // head and tail were not of one moment
                head = head_.load(std::memory_order_acquire);
                continue;
            }
            const std::uint32_t target = into.tail_.load(std::memory_order_relaxed);
            for (std::uint32_t i = 0; i < count; ++i) {
                into.ring_[(target + i) % kCapacity].store(
                    ring_[(head + i) % kCapacity].load(std::memory_order_relaxed),
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
        const std::uint32_t head = head_.load(std::memory_order_acquire);
        const std::uint32_t length = tail_.load(std::memory_order_acquire) - head;
        return length > kCapacity ? kCapacity : length;
    }
    bool empty() const noexcept {
        return size() == 0 && lifo_.load(std::memory_order_relaxed) == nullptr;
    }

  private:
    alignas(64) std::atomic<std::uint32_t> head_{0};  // the line thieves write
    alignas(64) std::atomic<std::uint32_t> tail_{0};
    std::atomic<TaskRecord*> lifo_{nullptr};
    std::array<std::atomic<TaskRecord*>, kCapacity> ring_{};
};

}  // namespace pilotfish::core
