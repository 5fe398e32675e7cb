// Channel<T>: what tasks pass values through, as Go's channels; and outside threads to tasks.
//
//     Channel<Event> events;                 // unbounded
//     Channel<int> work(128);                // holds 128
//     Channel<int> meeting(0);               // a rendezvous: holds none
//
//     events.post(event);                    // never waits; any thread; false: closed or full
//     co_await work.send(n);                 // waits while full
//     while (auto got = co_await work.receive()) use(*got);      // until closed and drained
//     auto got = co_await work.receive(deadline);                // got.wake says why it is empty
//
// try_send and try_receive are the same with a deadline that has passed: Wake::timed_out says that
// it would have waited. What was sent before close() is still received; after it nothing is taken,
// and a sender that waits gets its value back in Sent::unsent. A value is handed over exactly once:
// a deadline or a cancellation either comes before that or changes nothing. Only a sender that is
// cancelled while it waits (Cancelled is thrown) takes its value with it.
//
// Thread-safety: send, receive: any task, served in order; the rest: any thread. Ownership: owns
// what has not been received. The channel may be destroyed while tasks wait in it (they hear
// Wake::closed) or have just been woken by it, but not while somebody begins to call it. Suspends:
// send, receive. Memory: once, for a bounded channel when it is made; an unbounded one grows by
// doubling. Fails: std::bad_alloc when an unbounded one grows. T's move constructor, which must not
// throw, and its destructor run under a spin lock: they must not use the channel.
#pragma once

#include <cstddef>
#include <limits>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

#include "core/channel_await.h"
#include "core/clock.h"
#include "core/growing_ring.h"
#include "core/wait_list.h"

namespace pilotfish::core {

template <class T>
class Channel {
    // A receiver is claimed before its value is moved to it: a move that threw would leave it
    // claimed by nobody.
    static_assert(std::is_nothrow_move_constructible_v<T>,
                  "send a std::unique_ptr to what may throw when it is moved");

  public:
    static constexpr std::size_t kUnbounded = std::numeric_limits<std::size_t>::max();

    explicit Channel(std::size_t capacity = kUnbounded) : capacity_(capacity) {
        if (capacity != kUnbounded) queue_.reserve(capacity);
    }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    // Who still waits is woken with Wake::closed and touches the channel no more; nor do those
    // whose deadline has passed and that have not run since.
    ~Channel() { close(); }

    // -> Sent<T>: ready, timed_out or closed; if not ready, the value is given back.
    Send<T> send(T value, Deadline deadline = {}) noexcept {
        return Send<T>(*this, std::move(value), deadline_ns(deadline));
    }
    // The same without waiting.
    Sent<T> try_send(T value) {
        const Wake wake = offer(value);
        if (wake == Wake::ready) return Sent<T>(wake);
        return Sent<T>(wake, std::move(value));
    }
    // The same for those whom the value does not matter: false: closed or full.
    bool post(T value) { return offer(value) == Wake::ready; }

    // -> Received<T>.
    Receive<T> receive(Deadline deadline = {}) noexcept { return {this, deadline_ns(deadline)}; }
    // The same without waiting.
    Received<T> try_receive() noexcept {
        Received<T> out;
        place_.update([&] {
            bool notify = false;
            out.wake = accept_locked(out.value, notify);
            return notify;
        });
        return out;
    }

    // Again: nothing.
    void close() noexcept {
        place_.update([&] {
            closed_ = true;
            const bool notify = place_.wake_all(receivers_, Wake::closed);
            return place_.wake_all(senders_, Wake::closed) || notify;
        });
    }

    // What has been sent and not received, without what waiting senders hold.
    std::size_t size() const noexcept {
        std::lock_guard guard(place_.lock);
        return queue_.size();
    }
    std::size_t capacity() const noexcept { return capacity_; }
    bool closed() const noexcept {
        std::lock_guard guard(place_.lock);
        return closed_;
    }

  private:
    friend SendAwait<T>;
    friend ReceiveAwait<T>;
    friend struct ChannelCases;

    Wake offer(T& value) {
        Wake wake = Wake::closed;
        place_.update([&] {
            bool notify = false;
            wake = offer_locked(value, notify);
            return notify;
        });
        return wake;
    }

    // Wake::timed_out: not now. Moves the value only when it says ready. Requires: the lock.
    Wake offer_locked(T& value, bool& notify) {
        if (closed_) return Wake::closed;
        // From frame to frame.
        if (WaitLink* receiver = place_.take(receivers_, Wake::ready)) {
            static_cast<std::optional<T>*>(receiver->slot)->emplace(std::move(value));
            notify |= WaitPlace::wake(*receiver);
            return Wake::ready;
        }
        if (queue_.size() >= capacity_) return Wake::timed_out;
        queue_.push(std::move(value));
        return Wake::ready;
    }

    // Likewise.
    Wake accept_locked(std::optional<T>& out, bool& notify) noexcept {
        if (queue_.size() > 0) {
            out.emplace(queue_.pop());
            // A bounded queue has been reserved: no allocation.
            if (WaitLink* sender = place_.take(senders_, Wake::ready)) {
                queue_.push(std::move(*static_cast<T*>(sender->slot)));
                notify |= WaitPlace::wake(*sender);
            }
            return Wake::ready;
        }
        if (WaitLink* sender = place_.take(senders_, Wake::ready)) {
            out.emplace(std::move(*static_cast<T*>(sender->slot)));
            notify |= WaitPlace::wake(*sender);
            return Wake::ready;
        }
        return closed_ ? Wake::closed : Wake::timed_out;
    }

    mutable WaitPlace place_;
    bool closed_ = false;
    WaitQueue receivers_;
    WaitQueue senders_;
    std::size_t capacity_;
    GrowingRing<T> queue_;
};

template <class T>
bool ReceiveAwait<T>::start(FrameBase& frame) {
    Channel<T>& channel = *channel_;
    return begin(channel.place_, channel.receivers_, frame, WaitReason::chan_receive, [&] {
        bool notify = false;  // stays false: a task wakes others by its own processor
        return channel.accept_locked(value_, notify);
    });
}

template <class T>
bool SendAwait<T>::start(FrameBase& frame) {
    Channel<T>& channel = *channel_;
    return begin(channel.place_, channel.senders_, frame, WaitReason::chan_send, [&] {
        bool notify = false;
        return channel.offer_locked(value_, notify);
    });
}

}  // namespace pilotfish::core
