// A steady beat: next() resumes at start + period, start + 2 period .., whatever the work between
// takes.
//
//     Ticker ticker(1s);
//     for (;;) {
//         const Tick tick = co_await ticker.next();
//         report(tick.missed);       // ticks that passed while nobody waited: not made up for
//     }
//
// Thread-safety: belongs to one task at a time. Ownership: a plain value; nothing runs between two
// calls of next(), so an unused ticker costs nothing. Suspends: next(), always. Never fails.
#pragma once

#include <cstdint>

#include "core/check.h"
#include "core/sleep.h"

namespace pilotfish::core {

struct Tick {
    TimePoint due;             // the tick's own time, not the time of its arrival
    std::uint64_t missed = 0;  // ticks since the last one that nobody waited for
};

class Ticker;

class TickAwait {
  public:
    TickAwait(Ticker& ticker, const std::source_location& where) noexcept;

    bool await_ready() const noexcept { return false; }
    template <class Promise>
    auto await_suspend(std::coroutine_handle<Promise> frame) {
        return sleep_.await_suspend(frame);
    }
    Tick await_resume();

  private:
    Ticker& ticker_;
    SleepAwait sleep_;
};

struct [[nodiscard]] NextTick {
    Ticker* ticker;
    TickAwait awaiter(const std::source_location& where) const noexcept {
        return TickAwait(*ticker, where);
    }
};

class Ticker {
  public:
    // The first tick comes a period from now. Requires: period > 0.
    explicit Ticker(Duration period) noexcept : period_(period) {
        PF_CHECK(period.count() > 0, "a ticker needs a period");
        reset();
    }
    // The tick that is due: at once when its time has passed since the last one.
    NextTick next() noexcept { return {this}; }
    // Begins anew: the next tick comes a period from now.
    void reset() noexcept { due_ = deadline_after(runtime_now(), period_); }
    Duration period() const noexcept { return period_; }

  private:
    friend TickAwait;
    // Of the ticks that have come the last one counts.
    Tick take() noexcept {
        const Duration late = runtime_now() - due_;
        const auto missed = static_cast<std::uint64_t>(late.count() > 0 ? late / period_ : 0);
        Tick tick{due_ + period_ * missed, missed};
        due_ = deadline_after(tick.due, period_);
        return tick;
    }

    Duration period_;
    TimePoint due_;
};

inline TickAwait::TickAwait(Ticker& ticker, const std::source_location& where) noexcept
    : ticker_(ticker), sleep_(to_ns(ticker.due_), where) {}

inline Tick TickAwait::await_resume() {
    sleep_.await_resume();
    return ticker_.take();
}

}  // namespace pilotfish::core
