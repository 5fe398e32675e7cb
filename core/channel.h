// Channel<T>: an unbounded queue between tasks, and from outside threads to tasks.
//
//     Channel<Event> events;
//     events.send(event);                                        // anywhere; false once closed
//     while (auto got = co_await events.receive()) use(*got.value);
//
// Thread-safety: send, close, size: any thread; receive: any number of tasks, served in order.
// Ownership: owns what has not been received; the channel must outlive its receivers' awaits and
// every sender. Suspends: receive. Fails: send returns false once closed; std::bad_alloc. What was
// sent before close() is still received.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/spin_lock.h"
#include "core/task_record.h"
#include "core/timer_heap.h"

namespace pilotfish::core {

template <class T>
struct Received {
    Wake wake = Wake::closed;  // ready: value is set; timed_out; closed: and drained
    std::optional<T> value;
    explicit operator bool() const noexcept { return value.has_value(); }
};

// A queue that grows by doubling and allocates nothing until its first push.
template <class T>
class GrowingRing {
  public:
    GrowingRing() = default;
    GrowingRing(const GrowingRing&) = delete;
    GrowingRing& operator=(const GrowingRing&) = delete;
    ~GrowingRing() {
        while (size_ > 0) pop();
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
    }
    std::size_t size() const noexcept { return size_; }
    void push(T&& value) {
        if (size_ == capacity_) grow();
        ::new (slots_ + ((head_ + size_) & (capacity_ - 1))) T(std::move(value));
        ++size_;
    }
    T pop() {
        T& slot = slots_[head_];
        T value = std::move(slot);
        slot.~T();
        head_ = (head_ + 1) & (capacity_ - 1);
        --size_;
        return value;
    }

  private:
    void grow() {
        const std::size_t larger = capacity_ ? capacity_ * 2 : 8;
        T* slots = std::allocator<T>().allocate(larger);
        for (std::size_t i = 0; i < size_; ++i) {
            T& old = slots_[(head_ + i) & (capacity_ - 1)];
            ::new (slots + i) T(std::move(old));
            old.~T();
        }
        if (slots_) std::allocator<T>().deallocate(slots_, capacity_);
        slots_ = slots;
        capacity_ = larger;
        head_ = 0;
    }
    T* slots_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
};

// Link of a parked receiver.
struct ReceiverLink {
    ReceiverLink* prev = nullptr;
    ReceiverLink* next = nullptr;
};

template <class T>
class Channel;

template <class T>
class ReceiveAwait : ReceiverLink {
  public:
    ReceiveAwait(Channel<T>& channel, std::int64_t deadline_ns,
                 const std::source_location& where) noexcept
        : channel_(&channel), deadline_ns_(deadline_ns), where_(where) {}
    ReceiveAwait(const ReceiveAwait&) = delete;
    ReceiveAwait& operator=(const ReceiveAwait&) = delete;
    ~ReceiveAwait() {
        if (parked_) leave();
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return channel_.load(std::memory_order_relaxed)->start(*this, frame.promise());
    }
    Received<T> await_resume() {
        if (parked_) leave();
        if (waiter_.result() == Wake::cancelled) [[unlikely]]
            throw_cancelled();
        return {waiter_.result(), std::move(value_)};
    }

  private:
    friend Channel<T>;
    // After this neither a timer nor a sender knows of us. Only a deadline, or the end of the
    // runtime, leaves a link behind: a sender or close() unlinks before it wakes.
    void leave() noexcept {
        parked_ = false;
        const Wake wake = waiter_.result();
        if (wake != Wake::ready && wake != Wake::closed) {
            // Not claimed under the lock: the thread that ran start() may still be in it, so the
            // timer comes after. Whoever takes the pointer first: we, and the channel waits until
            // we have let go of it; or the channel, which has unlinked us and may be gone.
            if (Channel<T>* channel = channel_.exchange(nullptr, std::memory_order_acq_rel))
                channel->forget(*this);
        }
        if (deadline_ns_ != kNoDeadline_ns) TimerHeap::disarm(waiter_);
    }

    std::atomic<Channel<T>*> channel_;  // nullptr: one of the two sides has let go
    bool awaited_ = false;              // guarded by the channel's lock: it counts on our leaving
    std::int64_t deadline_ns_;
    std::source_location where_;
    TimedWaiter waiter_;
    std::optional<T> value_;
    bool parked_ = false;
};

template <class T>
struct [[nodiscard]] Receive {
    Channel<T>* channel;
    std::int64_t deadline_ns;
    ReceiveAwait<T> awaiter(const std::source_location& where) const noexcept {
        return ReceiveAwait<T>(*channel, deadline_ns, where);
    }
};

template <class T>
class Channel {
    // A receiver is claimed before its value is moved to it: a move that threw would leave it
    // claimed by nobody.
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "send a std::unique_ptr to what may throw when it is moved");

  public:
    Channel() noexcept { receivers_.prev = receivers_.next = &receivers_; }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    // Receivers that still wait are woken with Wake::closed and touch the channel no more; nor do
    // those whose deadline has passed and that have not run since.
    ~Channel() {
        close();
        // A few instructions: another thread is between taking its pointer and forget().
        while (!all_left()) cpu_relax();
    }

    bool send(T value) {
        bool notify = false;
        {
            std::lock_guard guard(lock_);
            if (closed_) return false;
            if (ReceiveAwait<T>* receiver = next_receiver(Wake::ready)) {
                receiver->value_.emplace(std::move(value));
                notify = make_runnable(receiver->waiter_.task);
            } else {
                queue_.push(std::move(value));
            }
        }
        if (notify) notify_scheduler();
        return true;
    }

    Receive<T> receive(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }

    void close() noexcept {
        bool notify = false;
        {
            std::lock_guard guard(lock_);
            closed_ = true;
            while (ReceiveAwait<T>* receiver = next_receiver(Wake::closed))
                notify |= make_runnable(receiver->waiter_.task);
        }
        if (notify) notify_scheduler();
    }

    std::size_t size() const noexcept {
        std::lock_guard guard(lock_);
        return queue_.size();
    }
    bool closed() const noexcept {
        std::lock_guard guard(lock_);
        return closed_;
    }

  private:
    friend ReceiveAwait<T>;

    static void unlink(ReceiverLink& link) noexcept {
        if (!link.next) return;
        link.prev->next = link.next;
        link.next->prev = link.prev;
        link.prev = link.next = nullptr;
    }

    // The first receiver whose wait could be claimed; those whose deadline came first are passed
    // over, and are told so.
    ReceiveAwait<T>* next_receiver(Wake how) noexcept {
        while (receivers_.next != &receivers_) {
            auto* receiver = static_cast<ReceiveAwait<T>*>(receivers_.next);
            unlink(*receiver);
            if (receiver->waiter_.claim(how)) return receiver;
            if (receiver->channel_.exchange(nullptr, std::memory_order_acq_rel)) continue;
            // It was faster and comes to forget(): until then it is there.
            receiver->awaited_ = true;
            ++leaving_;
        }
        return nullptr;
    }

    bool all_left() const noexcept {
        std::lock_guard guard(lock_);
        return leaving_ == 0;
    }

    bool start(ReceiveAwait<T>& receiver, FrameBase& frame) {
        if (cancel_requested()) [[unlikely]] {
            receiver.waiter_.claim(Wake::cancelled);
            return false;
        }
        std::lock_guard guard(lock_);
        if (queue_.size() > 0) {
            receiver.value_.emplace(queue_.pop());
            receiver.waiter_.claim(Wake::ready);
            if (!budget_exhausted()) return false;
            yield_running(begin_wait(frame, WaitReason::yield, receiver.where_));
            return true;
        }
        if (closed_) {
            receiver.waiter_.claim(Wake::closed);
            return false;
        }
        receiver.parked_ = true;
        switch (begin_wait(frame, WaitReason::chan_receive, receiver.where_, receiver.waiter_)) {
            case Begun::cancelled: return false;
            case Begun::taken: return true;
            case Begun::parked: break;
        }
        receiver.prev = receivers_.prev;
        receiver.next = &receivers_;
        receivers_.prev->next = &receiver;
        receivers_.prev = &receiver;
        if (receiver.deadline_ns_ != kNoDeadline_ns)
            arm_timer(receiver.waiter_, receiver.deadline_ns_);
        return true;
    }

    void forget(ReceiveAwait<T>& receiver) noexcept {
        std::lock_guard guard(lock_);
        if (receiver.awaited_)
            --leaving_;
        else
            unlink(receiver);
    }

    mutable SpinLock lock_;
    bool closed_ = false;
    std::uint32_t leaving_ = 0;  // receivers passed over that are on their way to forget()
    ReceiverLink receivers_;
    GrowingRing<T> queue_;
};

}  // namespace pilotfish::core
