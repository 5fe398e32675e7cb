#include "daemon/identity.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using Variables = std::map<std::string, std::optional<std::string>>;

class IdentityTest : public testing::Test {
  protected:
    IdentityTest() {
        dir_.write("etc/passwd", "web:x:33:34::/var/www:/bin/bash\nbare:x:40:40:::/sbin/nologin\n");
        dir_.write("etc/group", "www:x:34:\nlogs:x:50:web\n");
    }
    PreparedIdentity prepared(const config::WorkerSettings& settings) {
        auto result = prepare_identity(settings, dir_.path());
        EXPECT_TRUE(result) << result.error().message;
        return result ? std::move(*result) : PreparedIdentity{};
    }
    std::string refusal(const config::WorkerSettings& settings) {
        const auto result = prepare_identity(settings, dir_.path());
        EXPECT_FALSE(result);
        return result ? "" : result.error().message;
    }
    static Variables variables(const PreparedIdentity& identity) {
        Variables all;
        for (const OwnVariable& each : identity.variables) {
            EXPECT_TRUE(all.emplace(each.name, each.value).second) << each.name << " twice";
        }
        return all;
    }

    tests::TempDir dir_;
    config::WorkerSettings settings_;
};

TEST_F(IdentityTest, OfAUserByNameHasItsGroupsAndVariables) {
    settings_.user.user = "web";
    const PreparedIdentity found = prepared(settings_);
    const Credentials& credentials = found.identity.credentials;
    EXPECT_EQ(credentials.user, uid_t{33});
    EXPECT_EQ(credentials.group, gid_t{34});
    EXPECT_EQ(credentials.groups, (std::vector<gid_t>{34, 50}));
    EXPECT_EQ(credentials.words, "web (33:34)");
    EXPECT_EQ(
        variables(found),
        (Variables{
            {"HOME", "/var/www"}, {"USER", "web"}, {"LOGNAME", "web"}, {"SHELL", "/bin/bash"}}));
    settings_.user.user = "33";
    EXPECT_EQ(prepared(settings_).identity.credentials.groups, (std::vector<gid_t>{34, 50}));
    settings_.user.user = "bare";  // no home, and nobody logs in
    EXPECT_EQ(
        variables(prepared(settings_)),
        (Variables{{"HOME", "/"}, {"USER", "bare"}, {"LOGNAME", "bare"}, {"SHELL", std::nullopt}}));
}

TEST_F(IdentityTest, OfANumberWithoutAnEntryIsNeverRootsGroup) {
    settings_.user.user = "12345";
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(found.identity.credentials.user, uid_t{12345});
    EXPECT_EQ(found.identity.credentials.group, gid_t{12345});
    EXPECT_EQ(found.identity.credentials.groups, std::vector<gid_t>{});
    EXPECT_EQ(variables(found), (Variables{{"HOME", "/"},
                                           {"USER", std::nullopt},
                                           {"LOGNAME", std::nullopt},
                                           {"SHELL", std::nullopt}}));
}

TEST_F(IdentityTest, AGroupSaidTakesThePlaceOfTheUsersOwn) {
    settings_.user = {"web", "logs"};
    EXPECT_EQ(prepared(settings_).identity.credentials.groups, (std::vector<gid_t>{50}));
    settings_.user = {"web", ""};
    settings_.group.group = "7";
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(found.identity.credentials.group, gid_t{7});
    EXPECT_EQ(found.identity.credentials.groups, (std::vector<gid_t>{7, 50}));
}

TEST_F(IdentityTest, AGroupAloneLeavesUserAndOtherGroups) {
    settings_.group.group = "logs";
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(found.identity.credentials.user, std::nullopt);
    EXPECT_EQ(found.identity.credentials.group, gid_t{50});
    EXPECT_EQ(found.identity.credentials.groups, std::nullopt);
    EXPECT_TRUE(found.variables.empty());
}

TEST_F(IdentityTest, FurtherGroupsComeOnTopOfTheUsersOwnEachOnce) {
    settings_.user.user = "web";
    settings_.group = {"www", {"2000", "logs", "34", "2000"}};
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(found.identity.credentials.group, gid_t{34});
    EXPECT_EQ(found.identity.credentials.groups, (std::vector<gid_t>{34, 50, 2000}));
    settings_.group.more = {"2000", "lox"};
    EXPECT_EQ(refusal(settings_),
              "cannot find the group \"lox\" in /etc/group: add it to the image, or give its "
              "number");
}

TEST_F(IdentityTest, FurtherGroupsOfANumberWithoutAnEntryAreItsOnlyOnes) {
    settings_.user.user = "12345";
    settings_.group = {"1000", {"2000", "logs"}};
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(found.identity.credentials.group, gid_t{1000});
    EXPECT_EQ(found.identity.credentials.groups, (std::vector<gid_t>{2000, 50}));
}

TEST_F(IdentityTest, FurtherGroupsWithoutAUserComeOnTopOfTheDaemons) {
    std::vector<gid_t> expected(65536);
    const int count = getgroups(static_cast<int>(expected.size()), expected.data());
    ASSERT_GE(count, 0);
    expected.resize(static_cast<std::size_t>(count));
    expected.push_back(4000000001);
    settings_.group = {"7", {"4000000001"}};
    const Credentials found = prepared(settings_).identity.credentials;
    EXPECT_EQ(found.user, std::nullopt);
    EXPECT_EQ(found.group, gid_t{7});
    EXPECT_EQ(found.groups, expected);
}

// Where the daemon may not call setgroups, a group that it has not got must not be lost silently.
TEST_F(IdentityTest, GroupsMayStayOnlyWhereTheDaemonHasAllThatWereAskedFor) {
    settings_.user.user = std::to_string(geteuid());
    settings_.group = {"7", {std::to_string(getegid())}};
    EXPECT_TRUE(prepared(settings_).identity.credentials.groups_may_stay);
    settings_.group.more.emplace_back("4000000001");
    EXPECT_FALSE(prepared(settings_).identity.credentials.groups_may_stay);
    settings_.user.user = std::to_string(geteuid() + 1);
    settings_.group.more.clear();
    EXPECT_FALSE(prepared(settings_).identity.credentials.groups_may_stay);
}

TEST_F(IdentityTest, WhoIsNotThereIsNamedWithTheFile) {
    settings_.user.user = "wev";
    EXPECT_EQ(refusal(settings_),
              "cannot find the user \"wev\" in /etc/passwd: add it to the image, or give its "
              "number");
    settings_.user = {"web", "lox"};
    EXPECT_EQ(refusal(settings_),
              "cannot find the group \"lox\" in /etc/group: add it to the image, or give its "
              "number");
}

TEST_F(IdentityTest, FilesOfVariablesWinOverTheUsersAndLaterOverEarlier) {
    dir_.write("a.env", "HOME=/elsewhere\nA=1\nB=1\n");
    dir_.write("b.env", "B=2\n");
    settings_.user.user = "web";
    settings_.env_file = {{dir_.path() + "/a.env", false},
                          {dir_.path() + "/none.env", true},
                          {dir_.path() + "/b.env", false}};
    const Variables all = variables(prepared(settings_));
    EXPECT_EQ(all.at("HOME"), "/elsewhere");
    EXPECT_EQ(all.at("A"), "1");
    EXPECT_EQ(all.at("B"), "2");
    EXPECT_EQ(all.at("USER"), "web");
}

TEST_F(IdentityTest, OurNamesInAFileOfVariablesArePassedOverWithOneWarning) {
    dir_.write("a.env", "PILOTFISH_WORKER=x\nA=1\nPILOTFISH_B=2\nPILOTFISHES=3\n");
    dir_.write("b.env", "B=2\n");
    dir_.write("c.env", "export PILOTFISH_SHUTDOWN_TIMEOUT=1s\n");
    for (const char* const name : {"/a.env", "/b.env", "/c.env"})
        settings_.env_file.push_back({dir_.path() + name, false});
    const PreparedIdentity found = prepared(settings_);
    EXPECT_EQ(variables(found), (Variables{{"A", "1"}, {"B", "2"}, {"PILOTFISHES", "3"}}));
    EXPECT_EQ(found.warnings,
              (std::vector<std::string>{
                  "ENVFILE " + dir_.path() +
                      "/a.env: PILOTFISH_WORKER and 1 more are passed over: names that begin with "
                      "PILOTFISH_ are the daemon's",
                  "ENVFILE " + dir_.path() +
                      "/c.env: PILOTFISH_SHUTDOWN_TIMEOUT is passed over: names that begin with "
                      "PILOTFISH_ are the daemon's"}));
}

TEST_F(IdentityTest, AFileOfVariablesThatCannotBeReadIsToldByPathAndLine) {
    settings_.env_file = {{dir_.path() + "/none.env", false}};
    EXPECT_EQ(refusal(settings_), "cannot use ENVFILE: cannot read " + dir_.path() +
                                      "/none.env: No such file or directory");
    dir_.write("bad.env", "A=1\nsecret\n");
    settings_.env_file = {{dir_.path() + "/bad.env", true}};
    EXPECT_EQ(refusal(settings_),
              "cannot use ENVFILE " + dir_.path() + "/bad.env: line 2: it is not NAME=value");
    ASSERT_EQ(mkfifo((dir_.path() + "/fifo").c_str(), 0600), 0);
    settings_.env_file = {{dir_.path() + "/fifo", false}};
    EXPECT_EQ(refusal(settings_),
              "cannot use ENVFILE: cannot read " + dir_.path() + "/fifo: it is no file");
}

}  // namespace
}  // namespace pilotfish::daemon
