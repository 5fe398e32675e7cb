// select: waits for several things at once; exactly one of them takes effect.
//
//     std::optional<int> a, b;
//     const Selected which = co_await select(on_receive(one, a), on_receive(two, b),
//                                            on_send(three, value), after(1s), on_stop(token));
//     switch (which.index) {
//         case 0: ...                   // a holds what came; empty: the channel is closed
//
// The index is the place of the case among the arguments. Of those that are ready one is picked at
// random, so that none is starved. otherwise() is picked when no other is ready: such a select does
// not wait. select() alone waits for ever, that is until the task is cancelled.
//
//     on_receive(channel, got)    got is emptied at once, and set if this case is picked with a
//                                 value; Selected::wake says closed when there is none
//     on_send(channel, value)     moves value out if this case is picked, unless wake says closed
//     on_event(event)             core/event.h
//     on_stop(token)              the token's source has been asked to stop
//     after(1s), at(deadline)     the time has come and no other was ready
//
// Thread-safety: tasks. Ownership: what the cases name is borrowed until the select ends. Suspends:
// unless a case is ready. Allocates nothing. Fails: throws Cancelled, and no case took effect; a
// case that was picked at the same moment counts, and the next wait throws.
#pragma once

#include <array>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "core/channel.h"
#include "core/event.h"
#include "core/sleep.h"
#include "core/wait_list.h"

namespace pilotfish::core {

struct Selected {
    int index = -1;
    Wake wake = Wake::ready;  // closed: the case's channel is
};

// One case, type-erased: what to try under the lock of which place, and where to queue.
struct SelectCase {
    enum class Kind : std::uint8_t { place, time, stop, otherwise };

    Kind kind = Kind::otherwise;
    WaitPlace* place = nullptr;
    WaitQueue* queue = nullptr;
    // Wake::timed_out: not now. Requires: the lock of place.
    Wake (*attempt)(void* object, void* slot) = nullptr;
    void* object = nullptr;
    void* slot = nullptr;
    std::int64_t at_ns = kNoDeadline_ns;     // of time
    const std::stop_token* token = nullptr;  // of stop
};
struct StopCase : SelectCase {};

struct ChannelCases {
    template <class T>
    static SelectCase receive(Channel<T>& channel, std::optional<T>& got) noexcept {
        got.reset();
        SelectCase out;
        out.kind = SelectCase::Kind::place;
        out.place = &channel.place_;
        out.queue = &channel.receivers_;
        out.object = &channel;
        out.slot = &got;
        out.attempt = [](void* object, void* slot) {
            bool notify = false;  // stays false: a task wakes others by its own processor
            return static_cast<Channel<T>*>(object)->accept_locked(
                *static_cast<std::optional<T>*>(slot), notify);
        };
        return out;
    }
    template <class T>
    static SelectCase send(Channel<T>& channel, T& value) noexcept {
        SelectCase out;
        out.kind = SelectCase::Kind::place;
        out.place = &channel.place_;
        out.queue = &channel.senders_;
        out.object = &channel;
        out.slot = &value;
        out.attempt = [](void* object, void* slot) {
            bool notify = false;
            return static_cast<Channel<T>*>(object)->offer_locked(*static_cast<T*>(slot), notify);
        };
        return out;
    }
};

struct EventCase {
    static SelectCase wait(Event& event) noexcept {
        SelectCase out;
        out.kind = SelectCase::Kind::place;
        out.place = &event.place_;
        out.queue = &event.queue_;
        out.object = &event;
        out.attempt = [](void* object, void*) {
            return static_cast<Event*>(object)->is_set() ? Wake::ready : Wake::timed_out;
        };
        return out;
    }
};

template <class T>
SelectCase on_receive(Channel<T>& channel, std::optional<T>& got) noexcept {
    return ChannelCases::receive(channel, got);
}
template <class T>
SelectCase on_send(Channel<T>& channel, T& value) noexcept {
    return ChannelCases::send(channel, value);
}
inline SelectCase on_event(Event& event) noexcept { return EventCase::wait(event); }
inline SelectCase at(TimePoint deadline) noexcept {
    SelectCase out;
    out.kind = SelectCase::Kind::time;
    out.at_ns = to_ns(deadline);
    return out;
}
inline SelectCase after(Duration delay) noexcept {
    return at(deadline_after(runtime_now(), delay));
}
inline StopCase on_stop(const std::stop_token& token) noexcept {
    StopCase out;
    out.kind = SelectCase::Kind::stop;
    out.token = &token;
    return out;
}
inline SelectCase otherwise() noexcept { return {}; }

// ---- the awaiter ----

// What does not depend on the number of cases; its arrays lie in the derived class.
class SelectCore {
  public:
    static constexpr std::size_t kMost = 64;

    SelectCore(const SelectCore&) = delete;
    SelectCore& operator=(const SelectCore&) = delete;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) {
        return start(frame.promise());
    }
    Selected await_resume() {
        if (parked_) leave();
        if (waiter_.result() == Wake::cancelled) [[unlikely]]
            throw_cancelled();
        return {fired_, waiter_.result()};
    }

  protected:
    struct Fire {
        SelectCore* select;
        WaitLink* link;
        void operator()() const noexcept;
    };
    using StopWatch = std::optional<std::stop_callback<Fire>>;

    SelectCore(std::size_t count, const std::source_location& where) noexcept
        : where_(where), count_(static_cast<std::uint8_t>(count)) {}
    void attach(const SelectCase* cases, WaitLink* links, StopWatch* stops) noexcept {
        cases_ = cases;
        links_ = links;
        stops_ = stops;
    }
    ~SelectCore() = default;

    // After this nobody knows of the wait. The derived destructor calls it while the arrays live.
    void leave() noexcept;
    bool parked_ = false;

  private:
    using Order = std::uint8_t[kMost];

    bool start(FrameBase& frame);
    bool start_slow(FrameBase& frame, const Order& order);
    Wake attempt(const SelectCase& one) noexcept;
    void fire(int index, Wake how) noexcept;
    void make_known() noexcept;

    const SelectCase* cases_ = nullptr;
    WaitLink* links_ = nullptr;
    StopWatch* stops_ = nullptr;
    std::source_location where_;
    TimedWaiter waiter_;
    SpinLock starting_;  // held while start_slow() is at work: leave() waits for it
    std::uint8_t count_;
    int fired_ = -1;
};

template <std::size_t N, std::size_t Stops>
class SelectAwait : public SelectCore {
  public:
    SelectAwait(const std::array<SelectCase, N>& cases, const std::source_location& where) noexcept
        : SelectCore(N, where), cases_(cases) {
        attach(cases_.data(), links_.data(), stops_.data());
    }
    ~SelectAwait() {
        if (parked_) leave();
    }

  private:
    std::array<SelectCase, N> cases_;
    std::array<WaitLink, N> links_;
    std::array<StopWatch, Stops> stops_;
};

template <std::size_t N, std::size_t Stops>
class [[nodiscard]] Select {
  public:
    explicit Select(const std::array<SelectCase, N>& cases) noexcept : cases_(cases) {}
    SelectAwait<N, Stops> awaiter(const std::source_location& where) const noexcept {
        return SelectAwait<N, Stops>(cases_, where);
    }

  private:
    std::array<SelectCase, N> cases_;
};

template <class... Cases>
    requires(std::is_base_of_v<SelectCase, Cases> && ...)
auto select(const Cases&... cases) noexcept {
    constexpr std::size_t kStops = (0 + ... + std::size_t{std::is_same_v<Cases, StopCase>});
    static_assert(sizeof...(Cases) <= SelectCore::kMost, "a select of more than 64 cases");
    return Select<sizeof...(Cases), kStops>(
        std::array<SelectCase, sizeof...(Cases)>{static_cast<const SelectCase&>(cases)...});
}

}  // namespace pilotfish::core
