#include "daemon/exit_with.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

// Looks for `name` from a process that is no ancestor of this one, and says what it saw.
std::string seen_by_a_stranger(const std::string& name) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    const pid_t stranger = fork();
    if (stranger == 0) {
        const ProcessLook look = look_for_process(name);
        const bool us = std::count(look.found.begin(), look.found.end(), getppid()) == 1;
        const char answer = us ? 'y' : look.sees_others ? 'n' : '-';
        _exit(write(ends[1], &answer, 1) == 1 ? 0 : 1);
    }
    close(ends[1]);
    char answer = '?';
    EXPECT_EQ(read(ends[0], &answer, 1), 1);
    close(ends[0]);
    waitpid(stranger, nullptr, 0);
    return std::string(1, answer);
}

TEST(ExitWithLook, FindsAProcessByTheKernelsNameOrItsExecutables) {
    char before[16] = {};
    prctl(PR_GET_NAME, before);
    prctl(PR_SET_NAME, "a peer of ours!");  // 15 bytes, all that there are
    EXPECT_EQ(seen_by_a_stranger("a peer of ours!"), "y");
    EXPECT_EQ(seen_by_a_stranger("a peer of ours! and more of it"), "y") << "the kernel cuts it";
    EXPECT_EQ(seen_by_a_stranger("a peer of ours"), "n");
    EXPECT_EQ(seen_by_a_stranger("daemon_tests"), "y");
    EXPECT_EQ(seen_by_a_stranger("daemon_test"), "n");
    prctl(PR_SET_NAME, before);
}

TEST(ExitWithLook, LeavesOutItselfAndItsDescendants) {
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NAME, "no peer");
        const char ready = 'r';
        if (write(ends[1], &ready, 1) == 1) pause();
        _exit(0);
    }
    char ready;
    ASSERT_EQ(read(ends[0], &ready, 1), 1);
    EXPECT_TRUE(look_for_process("no peer").found.empty());
    const ProcessLook look = look_for_process("daemon_tests");
    EXPECT_EQ(std::count(look.found.begin(), look.found.end(), getpid()), 0);
    EXPECT_EQ(std::count(look.found.begin(), look.found.end(), child), 0);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace pilotfish::daemon
