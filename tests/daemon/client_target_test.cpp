#include "daemon/client_target.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "http/address.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kSockets =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/other.sock\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12 @pilotfish/77-3\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 13 @pilotfish/77-3\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 14 @pilotfish/77-12 x\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 15 @pilotfish/777-5\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 16 @pilotfish/77-8\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 17\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 18 @pilotfish/77-\n";

TEST(ListeningNames, AreOfOurNamespaceOnceEachAndListen) {
    EXPECT_EQ(listening_names(kSockets, "@pilotfish/77-"),
              (std::vector<std::string>{"@pilotfish/77-3", "@pilotfish/77-12 x"}));
    EXPECT_TRUE(listening_names("", "@pilotfish/77-").empty());
    EXPECT_TRUE(listening_names("garbage\n\n  \n", "@pilotfish/77-").empty());
}

TEST(AdminUrl, IsWrittenAsPeopleWriteIt) {
    for (const char* good : {"http://127.0.0.1:9911", "http://127.0.0.1:9911/", "localhost:80",
                             "http://[::1]:9911/", "unix:/run/x", "unix:@pilotfish/1-2"})
        EXPECT_TRUE(parse_admin_url(good).ok()) << good;
    for (const char* bad :
         {"https://127.0.0.1:9911", "http://example.com:1", "9911", "", "http://"})
        EXPECT_FALSE(parse_admin_url(bad).ok()) << bad;
    EXPECT_NE(parse_admin_url("https://127.0.0.1:1").error().message.find("TLS"),
              std::string::npos);
}

class FindDaemon : public testing::Test {
  protected:
    void SetUp() override {
        wish_.default_socket = dir_.path() + "/control.sock";
        // A name that no other test has.
        wish_.abstract_prefix = "@pilotfish/test" + std::to_string(getpid()) + "-";
    }
    http::Listener listen(const std::string& path) {
        auto listener = http::Listener::open("unix:" + path);
        EXPECT_TRUE(listener.ok()) << listener.error().message;
        return std::move(*listener);
    }
    std::string failure() {
        const auto found = find_daemon(wish_);
        return found ? "found " + found->where : found.error().message;
    }
    std::string own_abstract() const { return wish_.abstract_prefix + std::to_string(getpid()); }

    tests::TempDir dir_;
    ClientWish wish_;
};

TEST_F(FindDaemon, TakesTheDefaultSocketOrTheAbstractOne) {
    {
        const auto listener = listen(wish_.default_socket);
        EXPECT_EQ(failure(), "found " + wish_.default_socket);
    }
    const auto listener = listen(own_abstract());
    EXPECT_EQ(failure(), "found " + own_abstract());
}

TEST_F(FindDaemon, SaysWhereItLookedAndTheMend) {
    const std::string why = failure();
    EXPECT_NE(why.find("cannot find a running daemon"), std::string::npos) << why;
    EXPECT_NE(why.find(wish_.default_socket + ": No such file"), std::string::npos) << why;
    EXPECT_NE(why.find(wish_.abstract_prefix), std::string::npos) << why;
    EXPECT_NE(why.find("--admin http://127.0.0.1:9911"), std::string::npos) << why;
}

TEST_F(FindDaemon, DoesNotChooseAmongSeveral) {
    const auto file = listen(wish_.default_socket);
    const auto abstract = listen(own_abstract());
    EXPECT_NE(failure().find("--pid chooses among"), std::string::npos) << failure();
    EXPECT_NE(failure().find(own_abstract()), std::string::npos) << failure();
    // Both are this process here; another pid is nobody.
    wish_.pid = 1 << 22;
    EXPECT_NE(failure().find("that is process 4194304"), std::string::npos) << failure();
}

TEST_F(FindDaemon, BelievesNoAbstractNameThatIsAnothers) {
    const auto trick = listen(wish_.abstract_prefix + "1");
    EXPECT_NE(failure().find("cannot find a running daemon"), std::string::npos) << failure();
}

TEST_F(FindDaemon, BelievesNoOtherUsersUnlessItIsNamed) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t stranger = fork();
    if (stranger == 0) {
        if (setresuid(12345, 12345, 12345) != 0) _exit(1);
        const auto listener =
            http::Listener::open("unix:" + wish_.abstract_prefix + std::to_string(getpid()));
        if (listener && write(ends[1], "r", 1) == 1) pause();
        _exit(1);
    }
    close(ends[1]);
    char ready = 0;
    EXPECT_EQ(read(ends[0], &ready, 1), 1);
    close(ends[0]);
    const std::string theirs = wish_.abstract_prefix + std::to_string(stranger);
    EXPECT_NE(failure().find(theirs + " is another user's"), std::string::npos) << failure();
    {
        const auto ours = listen(own_abstract());
        EXPECT_EQ(failure(), "found " + own_abstract());
    }
    wish_.pid = stranger;
    EXPECT_EQ(failure(), "found " + theirs);
    kill(stranger, SIGKILL);
    waitpid(stranger, nullptr, 0);
}

TEST_F(FindDaemon, GoesWhereItIsTold) {
    const auto other = listen(dir_.path() + "/other");
    const auto file = listen(wish_.default_socket);
    for (const std::string prefix : {"", "unix:"}) {
        wish_.control_socket = prefix + dir_.path() + "/other";
        EXPECT_EQ(failure(), "found " + dir_.path() + "/other");
    }
    wish_.control_socket = dir_.path() + "/gone";
    EXPECT_NE(failure().find("PILOTFISH_CONTROL_SOCKET"), std::string::npos);
    wish_.control_socket = "off";
    EXPECT_NE(failure().find("is off"), std::string::npos);
    wish_.control_socket = "auto";
    EXPECT_EQ(failure(), "found " + wish_.default_socket);
    wish_.admin = "unix:" + dir_.path() + "/other";
    EXPECT_EQ(failure(), "found " + wish_.admin);
}

TEST_F(FindDaemon, ShowsTheTokenOnlyToAnAddressGivenByHand) {
    dir_.write("token", "secret\n");
    wish_.token_file = dir_.path() + "/token";
    const auto file = listen(wish_.default_socket);
    EXPECT_EQ(find_daemon(wish_)->token, "");
    wish_.admin = "http://127.0.0.1:9911";
    EXPECT_EQ(find_daemon(wish_)->token, "secret");
    wish_.token = "direct";
    EXPECT_EQ(find_daemon(wish_)->token, "direct");
    wish_.token.clear();
    wish_.token_file = dir_.path() + "/none";
    EXPECT_NE(failure().find("PILOTFISH_ADMIN_TOKEN_FILE"), std::string::npos);
}

}  // namespace
}  // namespace pilotfish::daemon
