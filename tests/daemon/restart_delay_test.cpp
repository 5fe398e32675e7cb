#include "daemon/restart_delay.h"

#include <gtest/gtest.h>

#include <cstdint>

using namespace std::chrono_literals;
using pilotfish::daemon::RestartDelay;

namespace {
constexpr std::uint64_t kLeast = 0;
const RestartDelay kTemplate({.first = 100ms, .longest = 1s, .reset_run = 10s});
}  // namespace

TEST(RestartDelay, DoublesUpToTheCap) {
    RestartDelay delay = kTemplate;
    // The least random value gives half of the series: 100, 200, 400, 800, 1000, 1000 ms.
    EXPECT_EQ(delay.next(0s, kLeast), 50ms);
    EXPECT_EQ(delay.next(0s, kLeast), 100ms);
    EXPECT_EQ(delay.next(0s, kLeast), 200ms);
    EXPECT_EQ(delay.next(0s, kLeast), 400ms);
    EXPECT_EQ(delay.next(0s, kLeast), 500ms);
    EXPECT_EQ(delay.next(0s, kLeast), 500ms);
}

TEST(RestartDelay, JitterStaysBetweenHalfAndWhole) {
    std::uint64_t random = 88172645463325252U;
    for (int round = 0; round < 1000; ++round) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        RestartDelay delay = kTemplate;
        const auto value = delay.next(0s, random);
        EXPECT_GE(value, 50ms);
        EXPECT_LE(value, 100ms);
    }
}

TEST(RestartDelay, TheHighestRandomValueGivesTheWhole) {
    RestartDelay delay({.first = 3ns, .longest = 1s, .reset_run = 10s});
    EXPECT_EQ(delay.next(0s, 1), 3ns);  // 3 - 1 + 1 % 2
}

TEST(RestartDelay, ALongRunStartsTheSeriesAnew) {
    RestartDelay delay = kTemplate;
    for (int i = 0; i < 4; ++i) (void)delay.next(0s, kLeast);
    EXPECT_EQ(delay.next(9999ms, kLeast), 500ms);
    EXPECT_EQ(delay.next(10s, kLeast), 50ms);
    EXPECT_EQ(delay.next(0s, kLeast), 100ms);
}

TEST(RestartDelay, ZeroMeansNoDelayEver) {
    RestartDelay delay({.first = 0s, .longest = 0s, .reset_run = 10s});
    for (int i = 0; i < 100; ++i) EXPECT_EQ(delay.next(0s, UINT64_MAX), 0s);
}

TEST(RestartDelay, ACapBelowTheFirstDelayDoesNotShortenIt) {
    RestartDelay delay({.first = 2s, .longest = 1s, .reset_run = 10s});
    EXPECT_EQ(delay.next(0s, kLeast), 1s);
    EXPECT_EQ(delay.next(0s, kLeast), 1s);
}
