// The number of processors changes while tasks run.
#include <vector>

#include "core/sleep.h"
#include "tests/core/small_tasks.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class MaxProcs : public LeakFree {};

Task<int> asks() {
    EXPECT_EQ(runtime::max_procs(0), 3);
    EXPECT_EQ(runtime::max_procs(5), 3);
    EXPECT_EQ(runtime::max_procs(-1), 5);
    EXPECT_EQ(runtime::stats().processors, 5);
    co_return 0;
}

TEST_F(MaxProcs, ReturnsTheNumberBefore) {
    Runtime runtime({.processors = 3});
    EXPECT_EQ(runtime.run(asks()), 0);
}

Task<int> resizes() {
    std::atomic<bool> stop{false};
    std::atomic<int> ended{0};
    std::vector<JoinHandle<>> handles;
    for (int i = 0; i < 20; ++i) handles.push_back(spawn(hops(stop, ended)));
    for (const int processors : {4, 1, 2, 1, 8}) {
        runtime::max_procs(processors);
        EXPECT_TRUE(co_await settles(processors)) << processors << " processors";
    }
    stop = true;
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return ended.load();
}

TEST_F(MaxProcs, TakesEffectWhileTasksKeepRunning) {
    Runtime runtime(eager(1));
    EXPECT_EQ(runtime.run(resizes()), 20);
}

Task<int> shrinks_with_timers_armed() {
    std::atomic<int> woke{0};
    std::vector<JoinHandle<>> handles;
    std::atomic<bool> stop{false};
    std::atomic<int> ended{0};
    std::vector<JoinHandle<>> hoppers;
    for (int i = 0; i < 8; ++i) hoppers.push_back(spawn(hops(stop, ended)));
    EXPECT_TRUE(co_await settles(4));
    for (int i = 0; i < 400; ++i)
        handles.push_back(spawn(sleeps_then_counts(std::chrono::microseconds(50 * i), woke)));
    for (int i = 0; i < 20; ++i) co_await yield();
    runtime::max_procs(1);
    stop = true;
    for (JoinHandle<>& hopper : hoppers) co_await hopper;
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return woke.load();
}

TEST_F(MaxProcs, GivesTheTimersOfRetiredProcessorsAway) {
    Runtime runtime(eager(4));
    EXPECT_EQ(runtime.run(shrinks_with_timers_armed()), 400);
}

}  // namespace
}  // namespace pilotfish::core
