#include "daemon/accounts.h"

#include <gtest/gtest.h>

#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/root:/bin/bash\n"
    "# a comment\n+nis::::::\nbroken:x:1\nno-number:x:one:1::/:/bin/sh\n"
    "web:x:33:34:,,,:/var/www:/usr/sbin/nologin\nweb:x:99:99::/:/bin/sh\nlast:x:7:8::/home/last:";
constexpr std::string_view kGroup =
    "root:x:0:\nwww:x:34:\nlogs:x:50:bob,web\nno-number:x:x:web\nalso:x:51:web\nweb2:x:52:web2\n"
    "again:x:50:web\n";

TEST(Accounts, AreFoundByNameAndByNumberTheFirstOfTwo) {
    const auto web = find_account(kPasswd, "web");
    ASSERT_TRUE(web);
    EXPECT_EQ(web->user, 33U);
    EXPECT_EQ(web->group, 34U);
    EXPECT_EQ(web->home, "/var/www");
    EXPECT_EQ(web->shell, "/usr/sbin/nologin");
    EXPECT_EQ(find_account(kPasswd, uid_t{33})->name, "web");
    EXPECT_EQ(find_account(kPasswd, "last")->shell, "");
    for (const char* name : {"broken", "no-number", "+nis", "nobody", "", "# a comment"})
        EXPECT_FALSE(find_account(kPasswd, name)) << name;
    EXPECT_FALSE(find_account(kPasswd, uid_t{1}));
}

TEST(Accounts, GroupsOfAUserAreThoseThatListItEachOnce) {
    EXPECT_EQ(groups_of(kGroup, "web", 34), (std::vector<gid_t>{34, 50, 51}));
    EXPECT_EQ(groups_of(kGroup, "eb", 1), (std::vector<gid_t>{1}));
    EXPECT_EQ(find_group(kGroup, "logs"), gid_t{50});
    EXPECT_EQ(find_group(kGroup, "no-number"), std::nullopt);
}

TEST(Accounts, AnImageWithoutTheFilesHasNone) {
    const tests::TempDir dir;
    auto files = read_accounts(dir.path());
    ASSERT_TRUE(files) << files.error().message;
    EXPECT_EQ(files->passwd, "");
    dir.write("etc/passwd", std::string(kPasswd));
    files = read_accounts(dir.path());
    ASSERT_TRUE(files);
    EXPECT_EQ(files->passwd, kPasswd);
}

}  // namespace
}  // namespace pilotfish::daemon
