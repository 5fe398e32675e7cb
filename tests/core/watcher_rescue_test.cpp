// The watcher's last resort: steps that compute and do not end, on all processors.
#include <atomic>
#include <thread>

#include "core/scheduler.h"
#include "core/sleep.h"
#include "core/watcher.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kMs = 1'000'000;

class WatcherRescue : public LeakFree {};

Watcher& watcher() { return Scheduler::current()->watcher; }

// A second more at each question.
std::int64_t computes(const Machine&) noexcept {
    static std::atomic<std::int64_t> cpu_ns{0};
    return cpu_ns.fetch_add(1000 * kMs);
}

Task<> sets(bool& flag) {
    flag = true;
    co_return;
}

// The running task is its own watcher.
Task<int> looks(int stand_ins) {
    watcher().cpu_time_ns = computes;
    bool ran = false;
    JoinHandle<> child = spawn(sets(ran));
    const std::int64_t now = monotonic_ns();
    for (int ms = 0; ms < 90; ms += 5) EXPECT_GT(watcher().look(now + ms * kMs), 0);
    EXPECT_EQ(runtime::stats().stand_ins, 0) << "not yet";
    watcher().look(now + 101 * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, stand_ins);
    for (int ms = 102; ms < 200; ms += 5) watcher().look(now + ms * kMs);
    EXPECT_EQ(runtime::stats().stand_ins, stand_ins) << "not taken back, though it computes";
    EXPECT_EQ(runtime::max_procs(0), 1) << "not seen from outside";
    co_await child;
    while (runtime::stats().stand_ins > 0) co_await yield();  // given back as the step ends
    EXPECT_EQ(Scheduler::current()->active_procs(), 1);
    co_return 0;
}

RuntimeOptions rescuing_after(std::chrono::nanoseconds time) {
    RuntimeOptions options;
    options.processors = 1;
    options.rescue_after = time;
    return options;
}

TEST_F(WatcherRescue, LendsTheProcessorOfAStepThatDoesNotEnd) {
    RuntimeOptions options = rescuing_after(100ms);
    options.watch = Watch::off;
    Runtime runtime(options);
    EXPECT_EQ(runtime.run(looks(1)), 0);
}

TEST_F(WatcherRescue, IsNotDoneUnlessAskedFor) {
    RuntimeOptions options = rescuing_after(0ms);
    options.watch = Watch::off;
    Runtime runtime(options);
    EXPECT_EQ(runtime.run(looks(0)), 0);
}

Task<> computes_until(const std::atomic<bool>& over, std::atomic<int>& begun) {
    ++begun;
    while (!over.load()) std::this_thread::yield();
    co_return;
}

Task<int> outlives_two_that_compute() {
    std::atomic<bool> over{false};
    std::atomic<int> begun{0};
    JoinHandle<> one = spawn(computes_until(over, begun));
    JoinHandle<> two = spawn(computes_until(over, begun));
    while (begun < 2) co_await sleep_for(1ms);
    co_await sleep_for(1ms);  // which nobody would notice
    over = true;
    co_await one;
    co_await two;
    EXPECT_GE(runtime::stats().stand_ins_total, 2U);
    co_return 0;
}

TEST_F(WatcherRescue, FindsAProcessorBesideTwoThatNeverEnd) {
    Runtime runtime(rescuing_after(20ms));
    EXPECT_EQ(runtime.run(outlives_two_that_compute()), 0);
}

}  // namespace
}  // namespace pilotfish::core
