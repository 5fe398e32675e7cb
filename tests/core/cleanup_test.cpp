#include "core/cleanup.h"

#include <atomic>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/task.h"
#include "tests/core/log_lines.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

class CleanupNet : public LeakFree {
  protected:
    runtime::CleanupStats since() const {
        const runtime::CleanupStats now = runtime::cleanup_stats();
        return {now.stopped - before_.stopped, now.acted - before_.acted,
                now.failed - before_.failed};
    }
    LogLines lines_;

  private:
    const runtime::CleanupStats before_ = runtime::cleanup_stats();
};

Task<int> drops_one(std::uint64_t& runner, std::uint64_t& dropper) {
    bool ran = false;
    {
        Cleanup net = runtime::add_cleanup("a lease", [&] {
            ran = true;
            runner = tls.task->id;
        });
    }
    dropper = tls.task->id;
    EXPECT_FALSE(ran) << "not in the middle of what dropped it";
    while (!ran) co_await yield();
    while (runtime::num_tasks() > 1) co_await yield();
    co_return 0;
}

TEST_F(CleanupNet, ActsOnATaskOfItsOwnAndTellsThePlace) {
    std::uint64_t runner = 0;
    std::uint64_t dropper = 0;
    Runtime runtime({.processors = 1});
    runtime.run(drops_one(runner, dropper));
    EXPECT_NE(runner, dropper);
    EXPECT_EQ(since().acted, 1U);
    if (runtime::cleanup_stats().acted == 1) {
        EXPECT_NE(lines_.text().find("a lease was not released; its cleanup, added at "),
                  std::string::npos)
            << lines_.text();
        EXPECT_NE(lines_.text().find("cleanup_test.cpp:"), std::string::npos);
    }
}

TEST_F(CleanupNet, IsSilentWhenStopped) {
    bool ran = false;
    Cleanup net = runtime::add_cleanup("a lease", [&] { ran = true; });
    Cleanup moved = std::move(net);
    moved.stop();
    moved.stop();
    EXPECT_FALSE(ran);
    EXPECT_EQ(since().stopped, 1U);
    EXPECT_EQ(since().acted, 0U);
    EXPECT_EQ(lines_.text(), "");
}

TEST_F(CleanupNet, RunsAtOnceWithoutARuntime) {
    bool ran = false;
    Cleanup net = runtime::add_cleanup("a lease", [&] { ran = true; });
    net = Cleanup();
    EXPECT_TRUE(ran);
}

TEST_F(CleanupNet, TellsOfOneThatFails) {
    runtime::keep_alive(
        runtime::add_cleanup("a lease", [] { throw std::runtime_error("no way back"); }));
    EXPECT_EQ(since().failed, 1U);
    EXPECT_NE(lines_.text().find(", failed: no way back"), std::string::npos) << lines_.text();
}

Task<int> ends_at_once(int& ran) {
    for (int i = 0; i < 10; ++i) (void)runtime::add_cleanup("a lease", [&] { ++ran; });
    co_return 0;
}

TEST_F(CleanupNet, TheEndOfTheRuntimeDoesNotSwallowThem) {
    int ran = 0;
    {
        Runtime runtime({.processors = 1});
        runtime.run(ends_at_once(ran));
    }
    EXPECT_EQ(ran, 10);
    (void)runtime::add_cleanup("a lease", [&] { ++ran; });
    EXPECT_EQ(ran, 11) << "the next one is served again";
}

Task<int> does_nothing() { co_return 0; }

TEST_F(CleanupNet, BetweenTheEndOfRunAndTheRuntimesItServesAtOnce) {
    int ran = 0;
    {
        Runtime runtime({.processors = 1});
        const Cleanup net = runtime::add_cleanup("a lease", [&] { ++ran; });
        runtime.run(does_nothing());
    }
    EXPECT_EQ(ran, 1);
    {
        Runtime never_run({.processors = 1});
        (void)runtime::add_cleanup("a lease", [&] { ++ran; });
    }
    EXPECT_EQ(ran, 2);
    (void)runtime::add_cleanup("a lease", [&] { ++ran; });
    EXPECT_EQ(ran, 3);
}

Task<int> many_threads(std::atomic<int>& ran, int each) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&ran, each] {
            for (int i = 0; i < each; ++i) (void)runtime::add_cleanup("a lease", [&] { ++ran; });
        });
    }
    for (std::thread& thread : threads) thread.join();
    while (ran.load() < 4 * each) co_await yield();
    while (runtime::num_tasks() > 1) co_await yield();
    co_return 0;
}

TEST_F(CleanupNet, EachRunsOnceWhoeverDropsIt) {
    std::atomic<int> ran{0};
    Runtime runtime(eager(2));
    runtime.run(many_threads(ran, 500));
    EXPECT_EQ(ran.load(), 2000);
    EXPECT_EQ(since().acted, 2000U);
}

}  // namespace
}  // namespace pilotfish::core
