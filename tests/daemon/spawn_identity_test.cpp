// The child's identity as the kernel sees it. Most of it needs root, as a container's builds have.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>

#include "daemon/spawn.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

struct Outcome {
    std::string text;
    SpawnError error;
};

Outcome run(const std::string& script, const Identity& identity,
            const std::string& directory = {}) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    SpawnRequest request;
    request.command = {"/bin/sh", "-c", script};
    request.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    request.stdin_fd = kNullDevice;
    request.stdout_fd = request.stderr_fd = ends[1];
    request.identity = identity;
    request.directory = directory;
    const SpawnResult result = spawn(request);
    close(ends[1]);
    Outcome outcome{{}, result.error};
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
        outcome.text.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    if (!result.process) return outcome;
    siginfo_t info{};
    EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(result.process->pidfd), &info, WEXITED), 0);
    close(result.process->pidfd);
    return outcome;
}

const std::string kStatus = "grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs)' /proc/self/status";

Identity user(uid_t uid, gid_t gid, std::vector<gid_t> groups) {
    Identity identity;
    identity.credentials = {.user = uid,
                            .group = gid,
                            .groups = std::move(groups),
                            .groups_may_stay = false,
                            .words = std::to_string(uid) + ":" + std::to_string(gid)};
    return identity;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string hex(CapabilityMask mask) {
    char text[17];
    snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(mask));
    return text;
}

class SpawnIdentity : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root";
    }
};

TEST_F(SpawnIdentity, IsTheUserTheGroupAndTheGroupsAndNothingOfRoots) {
    const Outcome outcome = run(kStatus, user(12345, 23456, {7, 8}));
    EXPECT_TRUE(has(outcome.text, "Uid:\t12345\t12345\t12345\t12345\n")) << outcome.text;
    EXPECT_TRUE(has(outcome.text, "Gid:\t23456\t23456\t23456\t23456\n")) << outcome.text;
    EXPECT_TRUE(has(outcome.text, "Groups:\t7 8 \n")) << outcome.text;
    EXPECT_TRUE(has(outcome.text, "CapEff:\t0000000000000000\n")) << outcome.text;
    EXPECT_TRUE(has(run(kStatus, user(12345, 12345, {})).text, "Groups:\t \n"));
}

TEST_F(SpawnIdentity, OfTheDaemonIsLeftAsItWas) {
    ASSERT_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
    Identity identity = user(12345, 12345, {});
    identity.capabilities = 0;
    identity.no_new_privs = true;
    identity.umask = 077;
    const mode_t umask_before = umask(022);
    run("true", identity);
    EXPECT_EQ(umask(umask_before), mode_t{022});
    EXPECT_EQ(geteuid(), 0U);
    EXPECT_EQ(prctl(PR_GET_DUMPABLE), 1) << "core dumps and debuggers of the daemon";
    EXPECT_EQ(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
    EXPECT_EQ(prctl(PR_CAPBSET_READ, CAP_KILL, 0, 0, 0), 1);
}

TEST_F(SpawnIdentity, ItsCapabilitiesAreExactlyThoseAlsoOfAnotherUser) {
    constexpr CapabilityMask kKept = CapabilityMask{1} << CAP_KILL | CapabilityMask{1} << CAP_CHOWN;
    for (const uid_t uid : {uid_t{0}, uid_t{12345}}) {
        Identity identity = user(uid, uid, {});
        identity.capabilities = kKept;
        const Outcome outcome = run(kStatus, identity);
        for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
            EXPECT_TRUE(has(outcome.text, std::string(set) + ":\t" + hex(kKept) + "\n"))
                << uid << ": " << outcome.text;
    }
}

TEST_F(SpawnIdentity, WithoutCapabilitiesRootIsNobodySpecial) {
    Identity identity;
    identity.capabilities = 0;
    const Outcome outcome = run(kStatus + "; chown 1 /proc/self/comm", identity);
    for (const char* set : {"CapPrm", "CapEff", "CapBnd", "CapAmb"})
        EXPECT_TRUE(has(outcome.text, std::string(set) + ":\t" + hex(0) + "\n")) << outcome.text;
    EXPECT_TRUE(has(outcome.text, "not permitted")) << outcome.text;
}

TEST_F(SpawnIdentity, WhatNobodyHasIsRefusedByTheKernelsWord) {
    Identity identity;
    identity.capabilities = CapabilityMask{1} << 63;
    const Outcome outcome = run("true", identity);
    EXPECT_EQ(outcome.error.exit_code, 125);
    EXPECT_TRUE(has(outcome.error.error.message, "CAPABILITIES")) << outcome.error.error.message;
}

TEST_F(SpawnIdentity, UmaskAndPrioritiesAreThoseAskedFor) {
    Identity identity;
    identity.umask = 027;
    identity.nice = 7;
    identity.io_priority = 2 << 13 | 5;
    identity.no_new_privs = true;
    const Outcome outcome = run("umask; nice; ionice; " + kStatus, identity);
    EXPECT_TRUE(outcome.text.starts_with("0027\n7\nbest-effort: prio 5\n")) << outcome.text;
    EXPECT_TRUE(has(outcome.text, "NoNewPrivs:\t1\n"));
}

TEST_F(SpawnIdentity, ItsDirectoryIsEnteredWithItsOwnRights) {
    const tests::TempDir dir;
    ASSERT_EQ(chmod(dir.path().c_str(), 0700), 0);
    const Outcome refused = run("pwd", user(12345, 12345, {}), dir.path());
    EXPECT_EQ(refused.error.error.message, "cannot start /bin/sh: enter directory " + dir.path() +
                                               " as 12345:12345: Permission denied");
    EXPECT_EQ(refused.error.exit_code, 125);
    ASSERT_EQ(chown(dir.path().c_str(), 12345, 12345), 0);
    EXPECT_EQ(run("pwd", user(12345, 12345, {}), dir.path()).text, dir.path() + "\n");
}

// The rest by a child that is nobody, as a daemon without root is.
std::string as_nobody(const Identity& identity) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        const bool became =
            setgid(65534) == 0 && setuid(65534) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
        const Outcome outcome = run("echo started", identity);
        const std::string text = became ? outcome.text + outcome.error.error.message : "no user";
        _exit(write(ends[1], text.data(), text.size()) < 0);
    }
    close(ends[1]);
    std::string text(4096, '\0');
    std::size_t length = 0;
    for (ssize_t n; (n = read(ends[0], text.data() + length, text.size() - length)) > 0;)
        length += static_cast<std::size_t>(n);
    close(ends[0]);
    text.resize(length);
    waitpid(pid, nullptr, 0);
    return text;
}

TEST_F(SpawnIdentity, WithoutRootOnesOwnUserIsFineAndAnotherIsNot) {
    Identity own = user(65534, 65534, {65534});
    own.credentials.groups_may_stay = true;
    EXPECT_EQ(as_nobody(own), "started\n");
    EXPECT_EQ(
        as_nobody(user(1, 1, {})),
        "cannot start /bin/sh: take the groups of 1:1 (needs CAP_SETGID, which the daemon has "
        "not got): Operation not permitted");
    Identity other = user(1, 65534, {});
    other.credentials.groups.reset();
    EXPECT_EQ(as_nobody(other),
              "cannot start /bin/sh: become 1:65534 (needs CAP_SETUID, which the "
              "daemon has not got): Operation not permitted");
}

TEST_F(SpawnIdentity, WithoutRootTheBoundingSetStaysUnlessNothingCanBeGained) {
    Identity identity;
    identity.capabilities = 0;
    EXPECT_TRUE(has(as_nobody(identity), "CAP_SETPCAP"));
    identity.no_new_privs = true;
    EXPECT_EQ(as_nobody(identity), "started\n");
    Identity nice;
    nice.nice = -5;
    EXPECT_TRUE(has(as_nobody(nice), "set NICE=-5 (needs CAP_SYS_NICE"));
}

// Who is of the user that a child becomes may stop it while the daemon sleeps in vfork.
TEST_F(SpawnIdentity, AUserWhoStopsAllItsProcessesDoesNotHoldUpTheDaemon) {
    const uid_t uid = 1'000'000'000U + static_cast<uid_t>(getpid());  // of no other test's
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const pid_t stopper = fork();
    if (stopper == 0) {
        if (setresuid(uid, uid, uid) != 0 || write(ends[1], "r", 1) != 1) _exit(1);
        // Lets go by itself, so that a daemon that is held up fails here and does not hang.
        for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
             std::chrono::steady_clock::now() < end;)
            kill(-1, SIGSTOP);
        kill(-1, SIGCONT);
        _exit(0);
    }
    char ready = 0;
    ASSERT_EQ(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    close(ends[1]);
    SpawnRequest request;
    // A long search for the program, so that it is surely stopped within.
    std::string path = "PATH=";
    for (int i = 0; i < 300; ++i) path += "/nowhere/" + std::to_string(i) + ":";
    request.command = {"true"};
    request.environment = {path + "/usr/bin:/bin"};
    request.identity = user(uid, uid, {});
    std::chrono::nanoseconds longest{0};
    for (int i = 0; i < 5; ++i) {
        const auto began = std::chrono::steady_clock::now();
        const SpawnResult result = spawn(request);
        longest =
            std::max<std::chrono::nanoseconds>(longest, std::chrono::steady_clock::now() - began);
        ASSERT_TRUE(result.process.has_value()) << result.error.error.message;
        kill(result.process->pid, SIGKILL);
        siginfo_t info{};
        EXPECT_EQ(waitid(P_PIDFD, static_cast<id_t>(result.process->pidfd), &info, WEXITED), 0);
        close(result.process->pidfd);
    }
    EXPECT_LT(longest, std::chrono::seconds(20));
    kill(stopper, SIGKILL);
    waitpid(stopper, nullptr, 0);
}

}  // namespace
}  // namespace pilotfish::daemon
