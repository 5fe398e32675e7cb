// The watcher where none can be made, and where all but one step sleep.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <string_view>
#include <thread>

#include "core/log.h"
#include "core/scheduler.h"
#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

class WatcherThatCannotBeMade : public LeakFree {};

// A log that asks the scheduler, as one that posts to a channel does.
class AskingLines final : public LogSink {
  public:
    AskingLines() { set_log_sink(this); }
    ~AskingLines() { set_log_sink(nullptr); }
    void write(LogLevel, std::string_view, std::string_view line) noexcept override {
        (void)Scheduler::current()->who_runs(nullptr);
        if (line.starts_with("cannot watch over long steps: no thread or timer")) ++count;
    }
    std::atomic<int> count{0};
};

// The runtime needs descriptors to sleep and to end.
Task<int> restores(const rlimit& before) { co_return setrlimit(RLIMIT_NOFILE, &before); }

TEST_F(WatcherThatCannotBeMade, IsDoneWithoutAndTold) {
    if (kSlowdown > 1) GTEST_SKIP() << "a sanitizer needs descriptors for its own checks";
    AskingLines lines;
    Runtime runtime({.processors = 1});
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    EXPECT_EQ(runtime.run(restores(before)), 0);
    EXPECT_EQ(lines.count, 1);
}

class WatcherOfTheIdle : public LeakFree {};

Task<> reads_a_byte(int fd) {
    char byte = 0;
    EXPECT_EQ(::read(fd, &byte, 1), 1);
    co_return;
}

Task<> does_nothing() { co_return; }

Task<int> blocks_alone(int fd) {
    co_await sleep_for(std::chrono::milliseconds(20));
    JoinHandle<> reader = spawn(reads_a_byte(fd));
    JoinHandle<> other = spawn(does_nothing());
    co_await other;
    co_await reader;
    co_return 0;
}

// Another processor stands in for it, and finds nothing to do.
TEST_F(WatcherOfTheIdle, TellsABlockedStepWhenAllOthersSleep) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    {
        Runtime runtime({.processors = 1});
        std::atomic<bool> told{false};
        std::thread outside([&] {
            const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
            while (!told && std::chrono::steady_clock::now() < until) {
                told = runtime::stats().long_steps_total > 0;
                std::this_thread::yield();
            }
            EXPECT_EQ(write(ends[1], "x", 1), 1);
        });
        EXPECT_EQ(runtime.run(blocks_alone(ends[0])), 0);
        outside.join();
        EXPECT_TRUE(told);
    }
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace pilotfish::core
