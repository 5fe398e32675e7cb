#include "http/peer_namespaces.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "http/peer.h"

namespace pilotfish::http {
namespace {

std::string status_with(const std::string& line) {
    return "Name:\tweb\nUmask:\t0022\nPid:\t12\n" + line + "NSpgid:\t12\t1\nThreads:\t1\n";
}

TEST(PidNamespaceDepth, IsTheNumbersOfNSpid) {
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\t12\n")), 1U);
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\t12\t1\n")), 2U);
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\t120\t17\t1\n")), 3U);
}

TEST(PidNamespaceDepth, IsNoneWhereTheTextDoesNotTell) {
    EXPECT_EQ(pid_namespace_depth(""), 0U);
    EXPECT_EQ(pid_namespace_depth(status_with("")), 0U);
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\n")), 0U);
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\tx\n")), 0U);
    EXPECT_EQ(pid_namespace_depth(status_with("NSpid:\t-1\n")), 0U);
    EXPECT_EQ(pid_namespace_depth("Name:\tweb\nNSpid:\t12"), 0U);  // cut off
    // A process may call itself so; the kernel writes its line break in two letters.
    EXPECT_EQ(pid_namespace_depth("Name:\t\\nNSpid:\t12\nPid:\t1\n"), 0U);
}

TEST(SameUserMap, IsAnEqualOneThatIsNotEmpty) {
    const std::string whole = "         0          0 4294967295\n";
    const std::string moved = "         0     100000      65536\n";
    EXPECT_TRUE(same_user_map(whole, whole));
    EXPECT_TRUE(same_user_map(moved, moved));
    EXPECT_FALSE(same_user_map(whole, moved));
    EXPECT_FALSE(same_user_map(moved, moved + "     65536     200000          1\n"));
    EXPECT_FALSE(same_user_map("", ""));
    EXPECT_FALSE(same_user_map("", whole));
    EXPECT_FALSE(same_user_map(whole.substr(0, 20), whole.substr(0, 20)));
}

// What nobody, who may not read root's links, thinks of the peer of this socket: 1 trusted, 0 not.
int judged_by_nobody(int socket) {
    const pid_t judge = fork();
    if (judge == 0) {
        if (syscall(SYS_setgroups, 0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
            _exit(9);
        char link[64];
        const std::string path = "/proc/" + std::to_string(getppid()) + "/ns/pid";
        if (readlink(path.c_str(), link, sizeof link) > 0) _exit(8);  // then it proves nothing
        _exit(unix_peer(socket).trusted ? 1 : 0);
    }
    int status = 0;
    waitpid(judge, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class RootSeenByAnother : public testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0) GTEST_SKIP() << "needs root";
        sockaddr_un any{};
        any.sun_family = AF_UNIX;
        listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        // An abstract name that the kernel chooses.
        ASSERT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&any), sizeof any.sun_family), 0);
        ASSERT_EQ(listen(listener_, 4), 0);
    }
    void TearDown() override { close(listener_); }

    // The verdict on a root process made with these flags of clone(2).
    int verdict_on_child(unsigned long flags) {
        sockaddr_un name{};
        socklen_t size = sizeof name;
        getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
        const auto child =
            static_cast<pid_t>(syscall(SYS_clone, flags | SIGCHLD, nullptr, nullptr, nullptr, 0));
        if (child == 0) {
            const int client = socket(AF_UNIX, SOCK_STREAM, 0);
            if (connect(client, reinterpret_cast<sockaddr*>(&name), size) != 0) _exit(1);
            while (true) pause();
        }
        if (child < 0) return -1;
        const int accepted = accept(listener_, nullptr, nullptr);
        const int verdict = judged_by_nobody(accepted);
        close(accepted);
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        return verdict;
    }

    int listener_ = -1;
};

TEST_F(RootSeenByAnother, IsTrustedInTheSameNamespaces) { EXPECT_EQ(verdict_on_child(0), 1); }

TEST_F(RootSeenByAnother, IsNotTrustedInANestedPidNamespace) {
    const int verdict = verdict_on_child(CLONE_NEWPID);
    if (verdict == -1) GTEST_SKIP() << "no PID namespace may be made here";
    EXPECT_EQ(verdict, 0);
}

}  // namespace
}  // namespace pilotfish::http
