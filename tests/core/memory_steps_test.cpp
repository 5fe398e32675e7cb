#include "core/memory_steps.h"

#include <gtest/gtest.h>

#include <chrono>

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

constexpr MemoryDue kNothing;
constexpr MemoryDue kShrink{.shrink = true};
constexpr MemoryDue kPurge{.purge = true};
constexpr MemoryDue kBoth{.shrink = true, .purge = true};

class MemoryStepsTest : public testing::Test {
  protected:
    // A heap of this many percent of its limit, so long after the last look.
    MemoryDue at(std::uint64_t percent, std::chrono::nanoseconds later = 1s) {
        now_ += later;
        return steps_.look(percent * 10, 1000, now_);
    }
    MemorySteps steps_;
    TimePoint now_{1h};
};

TEST_F(MemoryStepsTest, NothingIsDueFarFromTheLimitNorWithoutOne) {
    EXPECT_EQ(at(0), kNothing);
    EXPECT_EQ(at(79), kNothing);
    EXPECT_EQ(steps_.look(UINT64_MAX, std::nullopt, now_), kNothing);
}

TEST_F(MemoryStepsTest, ShrinksThenPurgesThenBrakesAsTheLimitNears) {
    EXPECT_EQ(at(80), kShrink);
    EXPECT_EQ(at(89), kNothing);
    EXPECT_EQ(at(90), kPurge);
    EXPECT_EQ(at(99), kNothing);
    EXPECT_TRUE(at(100).brake);
}

TEST_F(MemoryStepsTest, AJumpToTheLimitTakesAllStepsAtOnce) {
    const MemoryDue due = at(150);
    EXPECT_TRUE(due.shrink);
    EXPECT_TRUE(due.purge);
    EXPECT_TRUE(due.brake);
}

TEST_F(MemoryStepsTest, ALimitOfNothingIsReached) { EXPECT_TRUE(steps_.look(0, 0, now_).brake); }

TEST_F(MemoryStepsTest, StaysBrakedUntilFivePointsBelow) {
    at(100);
    EXPECT_TRUE(at(96).brake);
    EXPECT_TRUE(at(95).brake);
    EXPECT_FALSE(at(94).brake);
    EXPECT_FALSE(at(99).brake);
}

TEST_F(MemoryStepsTest, TheBrakeEndsWhenTheLimitIsTakenAway) {
    at(100);
    EXPECT_FALSE(steps_.look(1000, std::nullopt, now_).brake);
}

TEST_F(MemoryStepsTest, ShrinksAgainAtOnceOnceItWasFivePointsBelow) {
    EXPECT_EQ(at(80), kShrink);
    EXPECT_EQ(at(75), kNothing);  // not below enough
    EXPECT_EQ(at(80), kNothing);
    EXPECT_EQ(at(74), kNothing);
    EXPECT_EQ(at(80), kShrink);
}

TEST_F(MemoryStepsTest, NeverPurgesTwiceWithin30SecondsHoweverTheHeapSwings) {
    EXPECT_EQ(at(95), kBoth);
    for (int swing = 0; swing < 14; ++swing) {
        EXPECT_FALSE(at(10).purge);
        EXPECT_FALSE(at(95).purge);
    }
    EXPECT_TRUE(at(95, 2s).purge);
}

TEST_F(MemoryStepsTest, WhatDoesNotHelpIsRepeatedEverMoreRarely) {
    int purges = 0;
    for (int second = 0; second < 3600; ++second) purges += at(95).purge ? 1 : 0;
    // At 0, 30, 90, 210, 450, 930 (480 later, the longest), 1410, 1890, 2370, 2850, 3330 seconds.
    EXPECT_EQ(purges, 11);
    // Once it has helped, the first pause is the short one again.
    at(10);
    EXPECT_TRUE(at(95, 480s).purge);
    EXPECT_FALSE(at(95, 29s).purge);
    EXPECT_TRUE(at(95, 1s).purge);
}

TEST_F(MemoryStepsTest, StepsTakenByHandCountForThePauses) {
    steps_.taken(kBoth, now_);
    EXPECT_EQ(at(95, 29s), kNothing);
    EXPECT_EQ(at(95, 1s), kBoth);
}

}  // namespace
}  // namespace pilotfish::core
