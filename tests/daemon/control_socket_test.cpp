#include "daemon/control_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>

#include "tests/http/canned_sources.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

config::Configuration configuration(const std::string& setting) {
    const std::string variable = "PILOTFISH_CONTROL_SOCKET=" + setting;
    const char* const environment[] = {setting.empty() ? nullptr : variable.c_str(), nullptr};
    config::Invocation invocation;
    invocation.action = config::Action::run;
    auto loaded = config::load(environment, invocation);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    return std::move(*loaded);
}

class ControlSocket : public testing::Test {
  protected:
    http::Server server() {
        return http::Server(std::make_shared<tests::CannedSources>(), http::ServerOptions{});
    }
    tests::TempDir dir_;
    const std::string directory_ = dir_.path() + "/pilotfish";
    const std::string abstract_ =
        "unix:" + abstract_prefix(pid_namespace()) + std::to_string(getpid());
};

TEST_F(ControlSocket, IsAFileThatEverybodyMayAskAt) {
    const mode_t old = umask(077);
    auto first = server();
    const auto bound = bind_control_socket(first, configuration("auto"), directory_);
    umask(old);
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    EXPECT_EQ(*bound, "unix:" + directory_ + "/control.sock");
    struct stat info{};
    ASSERT_EQ(stat((directory_ + "/control.sock").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0666U) << "what they may do is decided by who they are";
}

TEST_F(ControlSocket, OfASecondDaemonHasANameWithoutAFile) {
    auto first = server();
    ASSERT_TRUE(bind_control_socket(first, configuration(""), directory_).ok());
    auto second = server();
    const auto bound = bind_control_socket(second, configuration(""), directory_);
    ASSERT_TRUE(bound.ok()) << bound.error().message;
    EXPECT_EQ(*bound, abstract_);
    // And of a third, in this one process, there is no name left: it goes without.
    auto third = server();
    const auto none = bind_control_socket(third, configuration(""), directory_);
    ASSERT_TRUE(none.ok());
    EXPECT_EQ(*none, "");
}

TEST_F(ControlSocket, HasANameWithoutAFileWhereNoneCanBeMade) {
    dir_.write("pilotfish", "a file where the directory would be");
    auto one = server();
    const auto bound = bind_control_socket(one, configuration(""), directory_);
    ASSERT_TRUE(bound.ok());
    EXPECT_EQ(*bound, abstract_);
}

TEST_F(ControlSocket, IsNotPutWhereOthersMayPutTheirs) {
    ASSERT_EQ(mkdir(directory_.c_str(), 0755), 0);
    const auto bound_to = [&] {
        auto one = server();
        const auto bound = bind_control_socket(one, configuration(""), directory_);
        return bound ? *bound : bound.error().message;
    };
    for (const mode_t mode : {mode_t{0777}, mode_t{0775}, mode_t{01777}}) {
        ASSERT_EQ(chmod(directory_.c_str(), mode), 0);
        EXPECT_EQ(bound_to(), abstract_);
    }
    ASSERT_EQ(chmod(directory_.c_str(), 0755), 0);
    EXPECT_NE(bound_to(), abstract_);
    if (geteuid() == 0) {
        ASSERT_EQ(chown(directory_.c_str(), 12345, 12345), 0);
        EXPECT_EQ(bound_to(), abstract_);
    }
    const std::string other = dir_.path() + "/other";
    ASSERT_EQ(rename(directory_.c_str(), other.c_str()), 0);
    ASSERT_EQ(chown(other.c_str(), geteuid(), getegid()), 0);
    ASSERT_EQ(symlink(other.c_str(), directory_.c_str()), 0);
    EXPECT_EQ(bound_to(), abstract_) << "a link is no directory of ours";
}

TEST_F(ControlSocket, IsWhereTheSettingSaysOrNowhere) {
    auto off = server();
    EXPECT_EQ(*bind_control_socket(off, configuration("off"), directory_), "");
    EXPECT_TRUE(off.listeners().empty());
    const std::string path = dir_.path() + "/mine";
    auto mine = server();
    EXPECT_EQ(*bind_control_socket(mine, configuration(path), directory_), "unix:" + path);
    auto taken = server();
    const auto refused = bind_control_socket(taken, configuration(path), directory_);
    ASSERT_FALSE(refused.ok()) << "what was asked for by name is not replaced by something else";
    EXPECT_EQ(refused.error().message, "PILOTFISH_CONTROL_SOCKET: cannot listen on unix:" + path +
                                           ": address already in use");
}

TEST_F(ControlSocket, FileGoesWithTheProcessThatDoesNotStopItsServer) {
    auto one = server();
    ASSERT_TRUE(bind_control_socket(one, configuration(""), directory_).ok());
    one.remove_socket_files();
    EXPECT_NE(access((directory_ + "/control.sock").c_str(), F_OK), 0);
}

}  // namespace
}  // namespace pilotfish::daemon
