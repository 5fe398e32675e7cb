#include "daemon/exit_with.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "core/runtime.h"
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

struct Watched {
    std::string end;
    std::size_t looks = 0;
};

core::Task<int> run_to_its_end(ExitWith& exit_with) {
    co_await exit_with.run();
    co_return 0;
}

// What run() makes of these looks one after another; the last one goes on for ever.
Watched watch(const std::vector<ProcessLook>& looks, std::function<int(pid_t)> open_pidfd) {
    Watched watched;
    core::Runtime runtime{core::RuntimeOptions{}};
    const auto look = [&](const std::string&) {
        return looks.at(std::min(watched.looks++, looks.size() - 1));
    };
    ExitWith exit_with("peer", [&](const std::string& by) { watched.end = by; },
                       {look, std::move(open_pidfd), std::chrono::milliseconds(1)});
    runtime.run(run_to_its_end(exit_with));
    return watched;
}

ProcessLook sees(std::vector<pid_t> found) {
    return {.found = std::move(found), .sees_others = true, .complete = true};
}

const std::string kEnd = "the end of peer (PILOTFISH_EXIT_WITH)";

TEST(ExitWith, EndsAlsoWhereNobodyCanBeHeld) {
    const Watched refused = watch({sees({}), sees({7}), sees({7}), sees({})}, [](pid_t) {
        errno = EPERM;  // a seccomp profile
        return -1;
    });
    EXPECT_EQ(refused.end, kEnd);
    EXPECT_EQ(refused.looks, 4U);
}

TEST(ExitWith, EndsWhenThePeerWasGoneBeforeItCouldBeHeld) {
    const Watched gone = watch({sees({7}), sees({})}, [](pid_t) {
        errno = ESRCH;
        return -1;
    });
    EXPECT_EQ(gone.end, kEnd);
}

TEST(ExitWith, ALookThatCouldNotSeeEndsNothing) {
    const ProcessLook blind{.found = {}, .sees_others = false, .complete = false};
    const Watched watched =
        watch({sees({7}), blind, blind, sees({7}), sees({})}, [](pid_t) { return -1; });
    EXPECT_EQ(watched.end, kEnd);
    EXPECT_EQ(watched.looks, 5U);
}

TEST(ExitWithLook, SaysWhenItHasNoDescriptorsToLookWith) {
    rlimit before{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
    const rlimit none{0, before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    const ProcessLook look = look_for_process("peer");
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
    EXPECT_TRUE(look.found.empty());
    EXPECT_FALSE(look.complete);
}

}  // namespace
}  // namespace pilotfish::daemon
