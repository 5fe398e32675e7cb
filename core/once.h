// Once: something is done by the first who needs it, and the others wait until it has been done.
//
//     Once once;
//     co_await once.call([&] { table = make_table(); });
//     co_await once.call(load_table);                   // Task<> load_table();
//
// When the call throws (Cancelled too), who made it gets the exception and the next one tries.
//
// Thread-safety: call: tasks; done: any thread. Ownership: must outlive its calls; to destroy it
// while tasks wait is a bug and aborts. What was given to call() lives until it returns. Suspends:
// call. Fails: what the call throws; Cancelled while it waits for another. A call from within the
// call waits for ever.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <source_location>
#include <type_traits>
#include <utility>

#include "core/cancel.h"
#include "core/clock.h"
#include "core/slow_path.h"
#include "core/wait_list.h"

namespace pilotfish::core {

class Once {
    template <class Fn>
    class CallAwait;
    template <class Fn>
    class [[nodiscard]] Call;

  public:
    Once() = default;
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;
    ~Once() { place_.abandon(queue_, "a Once was destroyed while tasks wait for it"); }

    // -> Wake: ready: it has been done, now or before; timed_out: another is still at it.
    template <class Fn>
    Call<Fn> call(Fn fn, Deadline deadline = {}) {
        return Call<Fn>(*this, std::move(fn), deadline_ns(deadline));
    }
    bool done() const noexcept { return state_.load(std::memory_order_acquire) == State::done; }

  private:
    enum class State : std::uint8_t { fresh, running, done };
    enum class Turn : std::uint8_t { ours, done, timed_out };
    class TurnAwait;
    struct TakeTurn {
        Once* once;
        std::int64_t deadline_ns;
        TurnAwait awaiter(const std::source_location& where) const noexcept;
    };
    // Whoever's turn it is; does what has to be done however the call ends.
    class Attempt {
      public:
        explicit Attempt(Once& once) noexcept : once_(once) {}
        Attempt(const Attempt&) = delete;
        Attempt& operator=(const Attempt&) = delete;
        ~Attempt() { once_.finish(done); }
        bool done = false;

      private:
        Once& once_;
    };

    template <class Fn>
    static Task<Wake> run(Once* once, Fn fn, std::int64_t deadline_ns);
    void finish(bool done) noexcept;

    std::atomic<State> state_{State::fresh};  // written under the lock
    WaitPlace place_;
    WaitQueue queue_;
};

class Once::TurnAwait : Wait {
  public:
    TurnAwait(Once& once, std::int64_t deadline_ns, const std::source_location& where) noexcept
        : Wait(deadline_ns, where), once_(once) {}

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    bool await_suspend(std::coroutine_handle<Promise> frame) noexcept {
        return start(frame.promise());
    }
    Turn await_resume() { return end_or_throw() == Wake::ready ? turn_ : Turn::timed_out; }

  private:
    friend Once;
    bool start(FrameBase& frame) noexcept;

    Once& once_;
    Turn turn_ = Turn::done;  // written by who wakes us
};

inline Once::TurnAwait Once::TakeTurn::awaiter(const std::source_location& where) const noexcept {
    return TurnAwait(*once, deadline_ns, where);
}

template <class Fn>
Task<Wake> Once::run(Once* once, Fn fn, std::int64_t deadline_ns) {
    TakeTurn take_turn{once, deadline_ns};
    const Turn turn = co_await take_turn;
    if (turn != Turn::ours) co_return turn == Turn::done ? Wake::ready : Wake::timed_out;
    Attempt attempt(*once);
    if constexpr (std::is_void_v<std::invoke_result_t<Fn&>>)
        fn();
    else
        (void)co_await fn();
    attempt.done = true;
    co_return Wake::ready;
}

template <class Fn>
class Once::CallAwait : SlowPath<Wake> {
  public:
    CallAwait(Once& once, Fn&& fn, std::int64_t deadline_ns, const std::source_location& place)
        : SlowPath(place), once_(once), fn_(std::move(fn)), deadline_ns_(deadline_ns) {}

    bool await_ready() noexcept {
        return once_.done() && !cancel_requested() && !budget_exhausted();
    }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> frame) {
        begin(frame.promise(), run(&once_, std::move(fn_), deadline_ns_));
    }
    Wake await_resume() { return begun() ? finish() : Wake::ready; }

  private:
    Once& once_;
    Fn fn_;
    std::int64_t deadline_ns_;
};

template <class Fn>
class Once::Call {
  public:
    Call(Once& once, Fn&& fn, std::int64_t deadline_ns)
        : once_(&once), fn_(std::move(fn)), deadline_ns_(deadline_ns) {}
    CallAwait<Fn> awaiter(const std::source_location& where) {
        return CallAwait<Fn>(*once_, std::move(fn_), deadline_ns_, where);
    }

  private:
    Once* once_;
    Fn fn_;
    std::int64_t deadline_ns_;
};

}  // namespace pilotfish::core
