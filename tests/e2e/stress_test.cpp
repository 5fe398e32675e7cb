// Many workers, deaf ones, trees that fork while they are ended, readers that stopped reading: all
// are gone in time and nothing is left, which EndToEnd looks for after each test.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

using Environment = std::map<std::string, std::string>;
using Clock = std::chrono::steady_clock;

class Stress : public EndToEnd {};

// `count` workers; command_of(i) is the whole command of the i-th.
Environment workers(int count, const std::function<std::string(int)>& command_of_worker) {
    Environment environment = {{"PILOTFISH_ADMIN_LISTEN", "off"}};
    std::string& names = environment["PILOTFISH_WORKERS"];
    for (int i = 0; i < count; ++i) {
        const std::string number = std::to_string(i);
        names += (i == 0 ? "w" : ",w") + number;
        environment["PILOTFISH_WORKER_W" + number + "_COMMAND"] = command_of_worker(i);
    }
    return environment;
}

int running_below(pid_t daemon, const std::string& name) {
    int count = 0;
    for (const pid_t child : children_of(daemon)) count += command_of(child) == name ? 1 : 0;
    return count;
}

TEST_F(Stress, FiveHundredWorkersComeUpAndAreGone) {
    constexpr int kWorkers = 500;
    const Environment environment =
        workers(kWorkers, [](int) { return std::string("/bin/sleep 1000"); });
    Process daemon({pilotfish(), "run"}, {.env = environment});
    ASSERT_TRUE(eventually([&] { return running_below(daemon.pid(), "sleep") == kWorkers; }))
        << running_below(daemon.pid(), "sleep");
    const auto begin = Clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_LT(Clock::now() - begin, 10s) << "nobody was deaf: none had to be waited for";
    EXPECT_EQ(daemon.err().find("killing"), std::string::npos) << "each ended by itself";
}

TEST_F(Stress, OfTwoHundredTwentyDeafOnesAreKilledByTheirTimeoutAndTheOthersNot) {
    constexpr int kWorkers = 200;
    constexpr int kEachTenthIsDeaf = 10;
    Environment environment = workers(kWorkers, [&](int i) {
        return i % kEachTenthIsDeaf == 0 ? program("deaf") : std::string("/bin/sleep 1000");
    });
    for (int i = 0; i < kWorkers; ++i)
        environment["PILOTFISH_WORKER_W" + std::to_string(i) + "_STOP_TIMEOUT"] = "2s";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    const int deaf = kWorkers / kEachTenthIsDeaf;
    for (int i = 0; i < deaf; ++i) daemon.wait_line("deaf");
    ASSERT_TRUE(
        eventually([&] { return running_below(daemon.pid(), "sleep") == kWorkers - deaf; }));
    const auto begin = Clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    const auto took = Clock::now() - begin;
    EXPECT_GE(took, 2s) << "nobody is killed before its time";
    EXPECT_LT(took, 15s) << "all of them at the same time, not one after the other";
    int killed = 0;
    const std::string word = "as it did not stop";
    for (std::size_t at = daemon.err().find(word); at != std::string::npos;
         at = daemon.err().find(word, at + 1))
        ++killed;
    EXPECT_EQ(killed, deaf) << daemon.err();
}

TEST_F(Stress, AForkStormAtTheStopIsEndedAndLeavesNobody) {
    Environment environment = workers(1, [](int) { return program("fork_storm"); });
    environment["PILOTFISH_WORKER_W0_STOP_TIMEOUT"] = "500ms";
    environment["PILOTFISH_STOP_TIMEOUT"] = "3s";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    daemon.wait_line("ready");
    const auto begin = Clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_LT(Clock::now() - begin, 15s);
    // Whoever got away would be a child of ours now, as this program is a subreaper.
    for (const pid_t left : children_of(getpid())) EXPECT_NE(command_of(left), "fork_storm");
}

TEST_F(Stress, AForkStormAsTheEntrypointToo) {
    Process daemon(entrypoint({program("fork_storm")}),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}, {"PILOTFISH_STOP_TIMEOUT", "1s"}}});
    daemon.wait_line("ready");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGKILL));
    for (const pid_t left : children_of(getpid())) EXPECT_NE(command_of(left), "fork_storm");
}

TEST_F(Stress, AReaderThatStoppedReadingHoldsUpNoStop) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    Environment environment = workers(20, [](int) { return std::string("/usr/bin/yes talk"); });
    environment["PILOTFISH_WORKER_W0_COMMAND"] =
        R"(["sh","-c","trap 'echo over; exit 0' TERM; while :; do echo talk; done"])";
    Process daemon({pilotfish(), "run"}, {.env = environment, .in_child = [&] {
                                              dup2(ends[1], 1);
                                              dup2(ends[1], 2);
                                          }});
    close(ends[1]);
    ASSERT_TRUE(eventually([&] { return running_below(daemon.pid(), "yes") == 19; }));
    // Full, and nobody reads: a pipe that can be written to would say so.
    const int room = open(("/proc/self/fd/" + std::to_string(ends[0])).c_str(),
                          O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    ASSERT_GE(room, 0);
    const std::string much(4096, 'x');
    EXPECT_TRUE(eventually([&] { return write(room, much.data(), much.size()) < 0; }));
    close(room);
    const auto begin = Clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_LT(Clock::now() - begin, 10s);
    close(ends[0]);
}

}  // namespace
}  // namespace pilotfish::e2e
