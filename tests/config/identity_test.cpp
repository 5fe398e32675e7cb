#include "config/identity.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

std::string why;

TEST(UserChoice, IsANameOrNumberWithOrWithoutAGroup) {
    UserChoice user;
    ASSERT_TRUE(parse_user("www-data", user, why));
    EXPECT_EQ(user, (UserChoice{"www-data", ""}));
    ASSERT_TRUE(parse_user("1000:adm", user, why));
    EXPECT_EQ(user, (UserChoice{"1000", "adm"}));
    EXPECT_EQ(format_user(user), "1000:adm");
    for (const char* bad : {":adm", "web:", "a b", "a:b:c", "4294967295", "99999999999", "a\n"})
        EXPECT_FALSE(parse_user(bad, user, why)) << bad;
}

TEST(UserChoice, ANumberIsDecimalAndNotTheOneThatMeansNone) {
    std::uint32_t id = 7;
    EXPECT_TRUE(parse_id("0", id));
    EXPECT_EQ(id, 0U);
    EXPECT_TRUE(parse_id("4294967294", id));
    for (const char* bad : {"", "-1", "+1", "0x1", "4294967295", "1 "})
        EXPECT_FALSE(parse_id(bad, id)) << bad;
}

TEST(GroupChoice, IsThePrimaryOneThenOthersEachOnce) {
    GroupChoice group;
    ASSERT_TRUE(parse_group("adm", group, why));
    EXPECT_EQ(group, (GroupChoice{"adm", {}}));
    EXPECT_EQ(format_group(group), "adm");
    ASSERT_TRUE(parse_group("1000, 2000,docker,1000,2000", group, why));
    EXPECT_EQ(group, (GroupChoice{"1000", {"2000", "docker"}}));
    EXPECT_EQ(format_group(group), "1000,2000,docker");
    for (const char* bad : {"", ",", "adm,", ",adm", "a,,b", "a:b", "a b", "1000,4294967295"}) {
        EXPECT_FALSE(parse_group(bad, group, why)) << bad;
        EXPECT_EQ(group.group, "1000") << bad;
    }
}

TEST(Umask, IsOctal) {
    Umask umask;
    ASSERT_TRUE(parse_umask("027", umask, why));
    EXPECT_EQ(umask.bits, 027U);
    EXPECT_EQ(format_umask(umask), "0027");
    for (const char* bad : {"", "8", "1000", "-1", "0o22", "22 "})
        EXPECT_FALSE(parse_umask(bad, umask, why)) << bad;
}

TEST(Niceness, IsMinus20To19) {
    Niceness nice;
    ASSERT_TRUE(parse_niceness("-20", nice, why));
    EXPECT_EQ(nice.value, -20);
    ASSERT_TRUE(parse_niceness("19", nice, why));
    EXPECT_EQ(nice.value, 19);
    for (const char* bad : {"", "-", "-21", "20", "+5", "--5"})
        EXPECT_FALSE(parse_niceness(bad, nice, why)) << bad;
}

TEST(IoPriority, IsAClassAndMaybeALevel) {
    IoPriority priority;
    for (const char* good : {"idle", "best-effort:0", "best-effort:7", "realtime:3"}) {
        ASSERT_TRUE(parse_io_priority(good, priority, why)) << good;
        EXPECT_EQ(format_io_priority(priority), good);
    }
    ASSERT_TRUE(parse_io_priority("best-effort", priority, why));
    EXPECT_EQ(priority.level, 4);
    for (const char* bad : {"", "idle:1", "best-effort:8", "realtime:", "none", "best-effort:-1"})
        EXPECT_FALSE(parse_io_priority(bad, priority, why)) << bad;
}

TEST(EnvironmentFiles, AreAbsoluteAndMaybeOptional) {
    EnvironmentFiles files;
    ASSERT_TRUE(parse_environment_files("/a.env, -/b.env", files, why));
    EXPECT_EQ(files, (EnvironmentFiles{{"/a.env", false}, {"/b.env", true}}));
    EXPECT_EQ(format_environment_files(files), "/a.env,-/b.env");
    for (const char* bad : {"", "a.env", "-a", "/a,,/b"})
        EXPECT_FALSE(parse_environment_files(bad, files, why)) << bad;
}

}  // namespace
}  // namespace pilotfish::config
