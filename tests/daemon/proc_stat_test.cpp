#include "daemon/proc_stat.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/daemon/pipe.h"

namespace pilotfish::daemon {
namespace {

// Of a child that did this with its signals.
template <class Do>
std::optional<bool> child_minds(int signal, Do&& prepare) {
    tests::Pipe said;
    const pid_t pid = fork();
    if (pid == 0) {
        prepare();
        if (write(said.writer(), "\n", 1) != 1) _exit(9);
        for (;;) pause();
    }
    said.read_until("\n");
    const auto minds = minds_signal(pid, signal);
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return minds;
}

void block(int signal) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

TEST(ProcStat, OneMindsASignalThatItHandlesOrWaitsFor) {
    EXPECT_EQ(child_minds(SIGUSR1, [] {}), false);
    EXPECT_EQ(child_minds(SIGUSR1, [] { std::signal(SIGUSR1, SIG_IGN); }), false);
    EXPECT_EQ(child_minds(SIGUSR1, [] { std::signal(SIGUSR1, [](int) {}); }), true);
    EXPECT_EQ(child_minds(SIGUSR2, [] { std::signal(SIGUSR1, [](int) {}); }), false);
    EXPECT_EQ(child_minds(SIGUSR1, [] { block(SIGUSR1); }), true);
    EXPECT_EQ(child_minds(SIGRTMAX, [] { block(SIGRTMAX); }), true);
}

TEST(ProcStat, WhoIsGoneTellsNothing) {
    const pid_t gone = fork();
    if (gone == 0) _exit(0);
    waitpid(gone, nullptr, 0);
    EXPECT_EQ(minds_signal(gone, SIGUSR1), std::nullopt);
    EXPECT_FALSE(read_proc_stat(gone).has_value());
}

}  // namespace
}  // namespace pilotfish::daemon
