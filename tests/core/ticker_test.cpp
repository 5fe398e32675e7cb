#include "core/ticker.h"

#include <vector>

#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class TickerOf : public LeakFree {};

Task<> ticks(Ticker& ticker, std::vector<Tick>& seen, std::size_t most) {
    while (seen.size() < most) {
        const Tick tick = co_await ticker.next();
        seen.push_back(tick);
    }
}

Task<int> is_steady(ManualClock& clock) {
    const TimePoint start = clock.now();
    Ticker ticker(10ms);
    std::vector<Tick> seen;
    JoinHandle<> ticking = spawn(ticks(ticker, seen, 3));
    co_await yield();
    clock.advance(9ms);
    co_await yield();
    EXPECT_EQ(seen.size(), 0u);
    clock.advance(4ms);  // late by 3
    while (seen.size() < 1) co_await yield();
    clock.advance(6ms);
    co_await yield();
    EXPECT_EQ(seen.size(), 1u) << "lateness must not shift what follows, nor bring it earlier";
    clock.advance(1ms);
    while (seen.size() < 2) co_await yield();
    clock.advance(10ms);
    co_await ticking;
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(seen[i].due, start + (i + 1) * 10ms);
        EXPECT_EQ(seen[i].missed, 0u);
    }
    co_return 0;
}

TEST_F(TickerOf, KeepsItsBeat) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(is_steady(clock)), 0);
}

Task<int> skips(ManualClock& clock) {
    const TimePoint start = clock.now();
    Ticker ticker(10ms);
    clock.advance(35ms);  // three ticks, nobody there
    Tick tick = co_await ticker.next();
    EXPECT_EQ(tick.due, start + 30ms) << "the last of them";
    EXPECT_EQ(tick.missed, 2u);
    clock.advance(5ms);
    tick = co_await ticker.next();
    EXPECT_EQ(tick.due, start + 40ms);
    EXPECT_EQ(tick.missed, 0u);
    clock.advance(10ms);
    tick = co_await ticker.next();
    EXPECT_EQ(tick.due, start + 50ms) << "exactly on its time is not missed";
    EXPECT_EQ(tick.missed, 0u);
    clock.advance(7ms);
    ticker.reset();
    clock.advance(10ms);
    tick = co_await ticker.next();
    EXPECT_EQ(tick.due, start + 67ms);
    co_return 0;
}

TEST_F(TickerOf, SkipsWhatWasMissedAndCountsIt) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(skips(clock)), 0);
}

Task<int> is_cancelled() {
    Ticker ticker(1h);
    std::vector<Tick> seen;
    JoinHandle<> ticking = spawn(ticks(ticker, seen, 1));
    co_await yield();
    ticking.cancel();
    co_await ticking;
    EXPECT_EQ(seen.size(), 0u);
    co_return 0;
}

TEST_F(TickerOf, WaitCanBeCancelled) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_cancelled()), 0);
}

}  // namespace
}  // namespace pilotfish::core
