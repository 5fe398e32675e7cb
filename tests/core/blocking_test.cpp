#include "core/blocking.h"

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Blocking : public LeakFree {};

Task<int> calls() {
    const std::thread::id here = std::this_thread::get_id();
    const std::thread::id there = co_await blocking([] { return std::this_thread::get_id(); });
    EXPECT_NE(here, there);
    co_await blocking([] {});
    bool caught = false;
    try {
        co_await blocking([] { throw std::runtime_error("inside"); });
    } catch (const std::runtime_error&) {
        caught = true;
    }
    EXPECT_TRUE(caught);
    EXPECT_EQ(runtime::num_blocking_calls(), 3U);
    co_return 0;
}

TEST_F(Blocking, RunsElsewhereAndGivesBackValueOrException) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(calls()), 0);
}

// A gate that opens when told, and knows how many stand before it and how many ever did at once.
struct Gate {
    std::mutex lock;
    std::condition_variable changed;
    bool open = false;
    int inside = 0;
    int most = 0;
    void pass() {
        std::unique_lock guard(lock);
        most = std::max(most, ++inside);
        changed.notify_all();
        changed.wait(guard, [this] { return open; });
        --inside;
    }
    void wait_for(int count) {
        std::unique_lock guard(lock);
        changed.wait(guard, [&] { return most >= count; });
    }
    void let_go() {
        std::lock_guard guard(lock);
        open = true;
        changed.notify_all();
    }
};

Task<> passes(Gate& gate) {
    co_await blocking([&gate] { gate.pass(); });
}

Task<int> more_calls_than_threads(Gate& gate) {
    std::vector<JoinHandle<>> handles;
    for (int i = 0; i < 10; ++i) handles.push_back(spawn(passes(gate)));
    // Those that wait behind a blocked step may run beside this task.
    runtime::RuntimeStats stats = runtime::stats();
    while (stats.blocking_running + stats.blocking_waiting < 10 || stats.blocking_running < 3) {
        co_await yield();
        stats = runtime::stats();
    }
    gate.wait_for(3);
    EXPECT_EQ(stats.blocking_running, 3);
    EXPECT_EQ(stats.blocking_waiting, 7);
    EXPECT_EQ(stats.blocking_threads, 3);
    gate.let_go();
    for (JoinHandle<>& handle : handles) co_await handle;
    EXPECT_EQ(gate.most, 3);
    EXPECT_EQ(runtime::stats().blocking_calls_total, 10U);
    co_return 0;
}

TEST_F(Blocking, StaysWithinItsBound) {
    Gate gate;
    Runtime runtime({.processors = 1, .max_blocking_threads = 3});
    EXPECT_EQ(runtime.run(more_calls_than_threads(gate)), 0);
}

Task<int> threads_leave() {
    co_await blocking([] {});
    while (runtime::stats().blocking_threads > 0) co_await sleep_for(1ms);
    co_await blocking([] {});
    EXPECT_EQ(runtime::num_blocking_calls(), 2U);
    co_return 0;
}

TEST_F(Blocking, ThreadsEndWhenIdleAndComeBack) {
    Runtime runtime({.processors = 1, .blocking_idle = 1ms});
    EXPECT_EQ(runtime.run(threads_leave()), 0);
}

Task<> calls_often(int count, int& made) {
    for (int i = 0; i < count; ++i) made += co_await blocking([] { return 1; });
}

Task<int> many_callers() {
    int made[8] = {};
    std::vector<JoinHandle<>> handles;
    for (int& counter : made) handles.push_back(spawn(calls_often(200, counter)));
    int sum = 0;
    for (JoinHandle<>& handle : handles) co_await handle;
    for (const int counter : made) sum += counter;
    co_return sum;
}

TEST_F(Blocking, AnswersEveryCallUnderLoad) {
    RuntimeOptions options = eager(2);
    options.max_blocking_threads = 4;
    options.blocking_idle = std::chrono::microseconds(50);
    Runtime runtime(options);
    EXPECT_EQ(runtime.run(many_callers()), 1600);
}

Task<int> leaves_a_call_running(Gate& gate) {
    spawn(passes(gate)).detach();
    co_await yield();
    gate.wait_for(1);
    co_return 0;
}

TEST_F(Blocking, RuntimeEndWaitsForACallThatHasBegun) {
    Gate gate;
    std::thread opener;
    {
        Runtime runtime({.processors = 1});
        opener = std::thread([&gate] {
            gate.wait_for(1);
            gate.let_go();
        });
        EXPECT_EQ(runtime.run(leaves_a_call_running(gate)), 0);
        EXPECT_EQ(gate.inside, 0);
    }
    opener.join();
}

}  // namespace
}  // namespace pilotfish::core
