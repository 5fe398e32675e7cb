// What `co_await channel.send(...)` and `co_await channel.receive()` are made of. Users of channels
// want core/channel.h.
//
// An awaiter belongs to one task. It owns the value that is on its way: the other side moves it
// from frame to frame. Suspends. Fails: throws Cancelled.
#pragma once

#include <coroutine>
#include <cstdint>
#include <optional>
#include <source_location>
#include <utility>

#include "core/cancel.h"
#include "core/wait_list.h"

namespace pilotfish::core {

template <class T>
class Channel;

// These two are moved by functions of their own: so they are returned where they are wanted, not
// packed into registers byte by byte, which stalls for longer than the rest of the operation takes.
template <class T>
struct Received {
    Received() = default;
    // Not a copy of the whole optional: it has just been written in two pieces, by which its copy
    // would have to wait for both.
    Received(Wake how, std::optional<T>&& what) noexcept : wake(how) {
        if (what) value.emplace(std::move(*what));
    }
    Received(Received&& other) noexcept : wake(other.wake), value(std::move(other.value)) {}
    Received& operator=(Received&& other) noexcept {
        wake = other.wake;
        value = std::move(other.value);
        return *this;
    }
    ~Received() = default;

    Wake wake = Wake::closed;  // ready: value is set; timed_out; closed: and drained
    std::optional<T> value;

    explicit operator bool() const noexcept { return value.has_value(); }
    // Require: a value.
    T& operator*() noexcept { return *value; }
    const T& operator*() const noexcept { return *value; }
    T* operator->() noexcept { return &*value; }
};

template <class T>
struct [[nodiscard]] Sent {
    explicit Sent(Wake how) noexcept : wake(how) {}
    Sent(Wake how, T&& what) noexcept : wake(how), unsent(std::move(what)) {}
    Sent(Sent&& other) noexcept : wake(other.wake), unsent(std::move(other.unsent)) {}
    Sent& operator=(Sent&& other) noexcept {
        wake = other.wake;
        unsent = std::move(other.unsent);
        return *this;
    }
    ~Sent() = default;

    Wake wake;                // ready: it was taken; timed_out; closed
    std::optional<T> unsent;  // the value, unless it was taken

    explicit operator bool() const noexcept { return wake == Wake::ready; }
};

template <class T>
class ReceiveAwait : Wait {
  public:
    ReceiveAwait(Channel<T>& channel, std::int64_t deadline_ns,
                 const std::source_location& where) noexcept
        : Wait(deadline_ns, where), channel_(&channel) {
        slot = &value_;
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    Received<T> await_resume() {
        const Wake wake = end_or_throw();
        return Received<T>(wake, std::move(value_));
    }

  private:
    bool start(FrameBase& frame);  // channel.h

    Channel<T>* channel_;
    std::optional<T> value_;
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
class SendAwait : Wait {
  public:
    SendAwait(Channel<T>& channel, T&& value, std::int64_t deadline_ns,
              const std::source_location& where) noexcept
        : Wait(deadline_ns, where), channel_(&channel), value_(std::move(value)) {
        slot = &value_;
    }

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    Sent<T> await_resume() {
        const Wake wake = end_or_throw();
        if (wake == Wake::ready) [[likely]]
            return Sent<T>(wake);
        return Sent<T>(wake, std::move(value_));
    }

  private:
    bool start(FrameBase& frame);  // channel.h

    Channel<T>* channel_;
    T value_;
};

// No aggregate: GCC 12 destroys the members of one twice when it is awaited as a temporary.
template <class T>
class [[nodiscard]] Send {
  public:
    Send(Channel<T>& channel, T&& value, std::int64_t deadline_ns) noexcept
        : channel_(&channel), deadline_ns_(deadline_ns), value_(std::move(value)) {}
    SendAwait<T> awaiter(const std::source_location& where) noexcept {
        return SendAwait<T>(*channel_, std::move(value_), deadline_ns_, where);
    }

  private:
    Channel<T>* channel_;
    std::int64_t deadline_ns_;
    T value_;
};

}  // namespace pilotfish::core
