#include "config/rate_limit.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

TEST(RateLimit, IsACountInATimeOrOff) {
    RateLimit limit;
    std::string why;
    ASSERT_TRUE(parse_rate_limit("5/1m", limit, why)) << why;
    EXPECT_EQ(limit.most, 5);
    EXPECT_EQ(limit.window, std::chrono::minutes(1));
    EXPECT_FALSE(limit.is_off());
    EXPECT_EQ(format_rate_limit(limit), "5/1m");
    ASSERT_TRUE(parse_rate_limit("off", limit, why));
    EXPECT_TRUE(limit.is_off());
    EXPECT_EQ(format_rate_limit(limit), "off");
}

TEST(RateLimit, RefusesEverythingElseAndKeepsItsValue) {
    for (const char* bad : {"", "5", "5/", "/1m", "0/1m", "5/0", "5/60", "5/1m/1m", "-1/1m",
                            "10001/1m", "5 /1m", "none"}) {
        RateLimit limit{.most = 42, .window = std::chrono::seconds(1)};
        std::string why;
        EXPECT_FALSE(parse_rate_limit(bad, limit, why)) << bad;
        EXPECT_EQ(limit.most, 42) << bad;
    }
}

}  // namespace
}  // namespace pilotfish::config
