#include "daemon/trial.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <thread>
#include <vector>

namespace pilotfish::daemon {
namespace {

TEST(Trial, MakesAProcessAndLeavesNone) {
    const Trials trials = try_on_a_child();
    EXPECT_EQ(trials.make_process, 0);
    EXPECT_EQ(waitpid(-1, nullptr, WNOHANG | __WALL), -1);
    EXPECT_EQ(errno, ECHILD);
}

// Whether it may be traced is this machine's matter; that the answer is the same each time is not.
TEST(Trial, TellsTheSameEachTimeAndFromAnyThread) {
    const Trials first = try_on_a_child();
    std::vector<std::thread> threads;
    std::vector<Trials> others(4);
    for (Trials& one : others) threads.emplace_back([&one] { one = try_on_a_child(); });
    for (std::thread& thread : threads) thread.join();
    for (const Trials& one : others) {
        EXPECT_EQ(one.trace, first.trace);
        EXPECT_EQ(one.read_memory, first.read_memory);
        EXPECT_EQ(one.perf, first.perf);
    }
}

}  // namespace
}  // namespace pilotfish::daemon
