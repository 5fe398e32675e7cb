#include "daemon/cron_timer.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::daemon {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

// 2026-01-01 00:00 UTC, and some time of the other clock.
const Moment kBegin{WallTime(seconds(1767225600)),
                    std::chrono::steady_clock::time_point(seconds(5000))};

// Both clocks, which the test moves by hand.
class Clocks {
  public:
    explicit Clocks(const std::string& schedule) : timer_(parse(schedule), {}) {
        timer_.begin(now_);
    }
    std::uint64_t after(nanoseconds time) {
        now_.wall += std::chrono::duration_cast<WallTime::duration>(time);
        now_.steady += time;
        return timer_.look(now_);
    }
    // The wall clock alone.
    std::uint64_t set(nanoseconds by) {
        now_.wall += std::chrono::duration_cast<WallTime::duration>(by);
        return timer_.look(now_);
    }
    nanoseconds left() const { return timer_.until_next(now_); }
    nanoseconds look_in() const { return timer_.look_again(now_) - now_.steady; }

  private:
    static config::Schedule parse(const std::string& text) {
        config::Schedule schedule;
        std::string why;
        EXPECT_TRUE(config::parse_schedule(text, schedule, why)) << why;
        return schedule;
    }
    Moment now_ = kBegin;
    CronTimer timer_;
};

TEST(CronTimer, ComesWhenItsTimeHasComeAndNotBefore) {
    Clocks clocks("30 0 * * *");
    EXPECT_EQ(clocks.left(), minutes(30));
    EXPECT_EQ(clocks.after(minutes(30) - nanoseconds(1000)), 0u);
    EXPECT_EQ(clocks.after(nanoseconds(1000)), 1u);
    EXPECT_EQ(clocks.left(), hours(24));
    EXPECT_EQ(clocks.after(seconds(1)), 0u);
}

TEST(CronTimer, LooksOnceAMinuteAsTheClockMayBeSetMeanwhile) {
    Clocks clocks("30 0 * * *");
    EXPECT_EQ(clocks.look_in(), seconds(60));
    clocks.after(minutes(29) + seconds(50));
    EXPECT_EQ(clocks.look_in(), seconds(10));
}

TEST(CronTimer, CountsTimesThatTheClockPassedOver) {
    Clocks clocks("0 * * * *");
    EXPECT_EQ(clocks.set(hours(5)), 5u);
    EXPECT_EQ(clocks.left(), hours(1));
    EXPECT_EQ(clocks.after(hours(1)), 1u);
}

TEST(CronTimer, AClockThatWasFarOffCostsNoEndlessCounting) {
    Clocks clocks("* * * * *");
    EXPECT_EQ(clocks.set(hours(24 * 365 * 30)), 10'000u);
    EXPECT_EQ(clocks.left(), minutes(1));
}

TEST(CronTimer, AFixedTimeDoesNotComeTwiceWhenTheClockIsCorrected) {
    Clocks clocks("30 0 * * *");
    EXPECT_EQ(clocks.after(minutes(31)), 1u);
    EXPECT_EQ(clocks.set(-minutes(20)), 0u);
    EXPECT_EQ(clocks.left(), hours(24) + minutes(19));
    EXPECT_EQ(clocks.after(minutes(20)), 0u) << "00:30 again";
    EXPECT_EQ(clocks.after(hours(24)), 1u);
}

TEST(CronTimer, WhatFollowsTheClockGoesOnWithTheNewTime) {
    Clocks clocks("*/10 * * * *");
    EXPECT_EQ(clocks.after(minutes(60)), 6u);
    EXPECT_EQ(clocks.set(-minutes(55)), 0u);
    EXPECT_EQ(clocks.left(), minutes(5));
    EXPECT_EQ(clocks.after(minutes(5)), 1u);
}

TEST(CronTimer, ANewDateBeginsAnew) {
    Clocks clocks("30 0 * * *");
    EXPECT_EQ(clocks.after(minutes(31)), 1u);
    EXPECT_EQ(clocks.set(-hours(24)), 0u);
    EXPECT_EQ(clocks.left(), hours(24) - minutes(1));
}

TEST(CronTimer, ASmallDifferenceOfTheClocksIsNoCorrection) {
    Clocks clocks("*/10 * * * *");
    clocks.after(minutes(10));
    clocks.set(-std::chrono::milliseconds(900));
    EXPECT_EQ(clocks.left(), minutes(10) + std::chrono::milliseconds(900));
}

TEST(CronTimer, AnIntervalGoesByTheClockThatNobodySets) {
    Clocks clocks("@every 10s");
    EXPECT_EQ(clocks.left(), seconds(10));
    EXPECT_EQ(clocks.set(hours(100)), 0u);
    EXPECT_EQ(clocks.set(-hours(200)), 0u);
    EXPECT_EQ(clocks.after(seconds(10)), 1u);
    EXPECT_EQ(clocks.after(seconds(35)), 3u);
    EXPECT_EQ(clocks.left(), seconds(5)) << "from start to start";
}

}  // namespace
}  // namespace pilotfish::daemon
