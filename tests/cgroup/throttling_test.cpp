#include "cgroup/throttling.h"

#include <gtest/gtest.h>

namespace pilotfish::cgroup {
namespace {

using namespace std::chrono_literals;

class ThrottlingTest : public testing::Test {
  protected:
    // A window in which so many of 100 periods were throttled. True: it is told.
    bool window(std::uint64_t throttled, std::uint64_t periods = 100) {
        now_ += 10s;
        usage_.periods = *usage_.periods + periods;
        usage_.throttled = *usage_.throttled + throttled;
        EXPECT_TRUE(throttling_.is_due(now_));
        return throttling_.add(usage_, now_);
    }
    ThrottlingTest() {
        usage_.periods = 1000;
        usage_.throttled = 900;  // of long ago
        EXPECT_TRUE(throttling_.is_due(now_));
        EXPECT_FALSE(throttling_.add(usage_, now_));
    }
    CpuUsage usage_;
    Throttling throttling_;
    Throttling::TimePoint now_{1h};
};

TEST_F(ThrottlingTest, IsTheShareOfThePeriodsOfTheLastWindow) {
    EXPECT_EQ(throttling_.share(), std::nullopt);
    EXPECT_FALSE(throttling_.is_due(now_ + 9s));
    window(30);
    EXPECT_DOUBLE_EQ(throttling_.share().value(), 0.3);
    window(0, 0);
    EXPECT_DOUBLE_EQ(throttling_.share().value(), 0) << "idle is not throttled";
}

TEST_F(ThrottlingTest, IsToldOnceAnEpisode) {
    EXPECT_FALSE(window(50));
    EXPECT_FALSE(window(11));
    EXPECT_TRUE(window(50)) << "the third in a row";
    for (int times = 0; times < 10; ++times) EXPECT_FALSE(window(90));
    for (int times = 0; times < 3; ++times) EXPECT_FALSE(window(4));
    for (int times = 0; times < 2; ++times) EXPECT_FALSE(window(90));
    EXPECT_TRUE(window(90)) << "a second episode";
}

TEST_F(ThrottlingTest, OfATenthOrInBurstsIsNoStory) {
    for (int times = 0; times < 10; ++times) EXPECT_FALSE(window(10));
    for (int times = 0; times < 10; ++times) EXPECT_FALSE(window(times % 3 == 2 ? 0 : 100));
}

TEST_F(ThrottlingTest, BetweenTheTwoThresholdsAnEpisodeGoesOn) {
    for (int times = 0; times < 3; ++times) window(90);
    for (int times = 0; times < 10; ++times) EXPECT_FALSE(window(7));
    for (int times = 0; times < 3; ++times) EXPECT_FALSE(window(90)) << "it is the same one";
}

TEST_F(ThrottlingTest, OfAnotherGroupBeginsAnew) {
    window(100);
    window(100);
    throttling_.start_anew();
    EXPECT_EQ(throttling_.share(), std::nullopt);
    EXPECT_FALSE(window(100)) << "history";
    EXPECT_FALSE(window(100));
    usage_.periods = 5;  // the counters fell: another group's
    usage_.throttled = 1;
    EXPECT_FALSE(throttling_.add(usage_, now_ += 10s));
    throttling_.add(CpuUsage{}, now_ += 10s);  // no quota any more
    EXPECT_EQ(throttling_.share(), std::nullopt);
}

}  // namespace
}  // namespace pilotfish::cgroup
