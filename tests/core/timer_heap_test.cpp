#include "core/timer_heap.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

struct Timer {
    TaskRecord task;
    TimedWaiter waiter;
    std::int64_t deadline_ns = 0;
    bool armed = false;
    Timer() { waiter.task = &task; }
    void arm(TimerHeap& heap, std::int64_t at_ns) {
        deadline_ns = at_ns;
        armed = true;
        heap.arm(waiter, at_ns);
    }
};

TEST(TimerHeap, FiresWhatIsDueInOrderAndNothingElse) {
    TimerHeap heap;
    Timer late, early, middle;
    late.arm(heap, 300);
    early.arm(heap, 100);
    middle.arm(heap, 200);
    EXPECT_EQ(heap.earliest_ns(), 100);
    TaskList due;
    heap.fire(250, due);
    EXPECT_EQ(due.pop(), &early.task);
    EXPECT_EQ(due.pop(), &middle.task);
    EXPECT_EQ(due.pop(), nullptr);
    EXPECT_EQ(heap.earliest_ns(), 300);
    TimerHeap::disarm(late.waiter);
    EXPECT_EQ(heap.earliest_ns(), TimerHeap::kNever);
}

TEST(TimerHeap, LeavesAWaiterThatIsClaimedAlone) {
    TimerHeap heap;
    Timer timer;
    timer.arm(heap, 10);
    EXPECT_TRUE(timer.waiter.claim(Wake::ready));
    TaskList due;
    heap.fire(20, due);
    EXPECT_EQ(due.size, 0U);
    EXPECT_EQ(timer.waiter.result(), Wake::ready);
}

// Against the obvious model: a list searched for its least.
TEST(TimerHeap, AgreesWithAModelUnderRandomUse) {
    PF_SEEDED(random);
    TimerHeap heaps[2];
    int current = 0;
    std::vector<std::unique_ptr<Timer>> timers;
    std::int64_t now = 0;
    for (int step = 0; step < 20'000; ++step) {
        const auto what = random() % 100;
        if (what < 60) {
            timers.push_back(std::make_unique<Timer>());
            timers.back()->arm(heaps[current], now + static_cast<std::int64_t>(random() % 1000));
        } else if (what < 80 && !timers.empty()) {
            const std::size_t at = random() % timers.size();
            TimerHeap::disarm(timers[at]->waiter);
            timers.erase(timers.begin() + static_cast<std::ptrdiff_t>(at));
        } else if (what < 99) {
            now += static_cast<std::int64_t>(random() % 100);
            TaskList due;
            heaps[current].fire(now, due);
            std::size_t expected = 0;
            for (const auto& timer : timers) expected += timer->deadline_ns <= now;
            ASSERT_EQ(due.size, expected);
            std::erase_if(timers, [&](const auto& timer) { return timer->deadline_ns <= now; });
        } else {
            heaps[current].move_to(heaps[1 - current]);
            current = 1 - current;
        }
        ASSERT_EQ(heaps[current].size(), timers.size());
        std::int64_t earliest = TimerHeap::kNever;
        for (const auto& timer : timers) earliest = std::min(earliest, timer->deadline_ns);
        ASSERT_EQ(heaps[current].earliest_ns(), earliest);
    }
    for (const auto& timer : timers) TimerHeap::disarm(timer->waiter);
}

class Sleeping : public LeakFree {};

Task<> sleeper(Duration delay, int number, std::vector<int>& order) {
    co_await sleep_for(delay);
    order.push_back(number);
}

Task<int> steps_through_time(ManualClock& clock) {
    std::vector<int> order;
    JoinHandle<> third = spawn(sleeper(3h, 3, order));
    JoinHandle<> first = spawn(sleeper(1h, 1, order));
    JoinHandle<> second = spawn(sleeper(2h, 2, order));
    co_await yield();
    EXPECT_TRUE(order.empty());
    clock.advance(1h);
    co_await first;
    EXPECT_EQ(order, std::vector<int>({1}));
    clock.advance(2h);
    co_await third;
    co_await second;
    EXPECT_EQ(order, std::vector<int>({1, 2, 3}));
    co_return 0;
}

TEST_F(Sleeping, FollowsAClockMovedByHand) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(steps_through_time(clock)), 0);
}

Task<int> main_sleeps(Duration delay) {
    const TimePoint start = runtime_now();
    co_await sleep_for(delay);
    EXPECT_GE(runtime_now() - start, delay);
    co_return 0;
}

TEST_F(Sleeping, LastsAtLeastAsLongAsAsked) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(main_sleeps(3ms)), 0);
}

Task<int> sleeps_into_the_past() {
    co_await sleep_until(TimePoint(1ns));
    co_await sleep_for(-5s);
    co_return 0;
}

TEST_F(Sleeping, IsOverAtOnceWhenTheDeadlineHasPassed) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sleeps_into_the_past()), 0);
}

Task<> sleeps_for_ever() { co_await sleep_for(Duration::max()); }

Task<int> leaves_sleepers_behind() {
    for (int i = 0; i < 10; ++i) (void)spawn(sleeps_for_ever());
    co_await yield();
    co_return 0;
}

TEST_F(Sleeping, EndsWithTheRuntime) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(leaves_sleepers_behind()), 0);
}

}  // namespace
}  // namespace pilotfish::core
