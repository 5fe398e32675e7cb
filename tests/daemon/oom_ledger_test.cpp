#include "daemon/oom_ledger.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;

class OomLedgerTest : public testing::Test {
  protected:
    OomLedger ledger_;
    OomLedger::TimePoint now_{1h};
};

TEST_F(OomLedgerTest, TheFirstCountIsHistoryAndNobodysDeath) {
    ledger_.count(5, now_);
    EXPECT_FALSE(ledger_.claim(now_));
    EXPECT_EQ(ledger_.total(), 0u);
}

TEST_F(OomLedgerTest, AKillExplainsOneDeathOnly) {
    ledger_.count(0, now_);
    ledger_.count(2, now_);
    EXPECT_TRUE(ledger_.claim(now_));
    EXPECT_TRUE(ledger_.claim(now_));
    EXPECT_FALSE(ledger_.claim(now_));
    EXPECT_EQ(ledger_.total(), 2u);
    EXPECT_EQ(ledger_.take_unclaimed(now_ + 1h), 0u);
}

TEST_F(OomLedgerTest, AKillWaitsForItsVictimsEndAndIsThenToldOnce) {
    ledger_.count(0, now_);
    ledger_.count(3, now_);
    EXPECT_EQ(ledger_.take_unclaimed(now_ + OomLedger::kPatience), 0u);
    EXPECT_TRUE(ledger_.claim(now_));
    EXPECT_EQ(ledger_.take_unclaimed(now_ + OomLedger::kPatience + 1ms), 2u);
    EXPECT_EQ(ledger_.take_unclaimed(now_ + 1h), 0u);
    EXPECT_FALSE(ledger_.claim(now_));
}

TEST_F(OomLedgerTest, AnOldKillIsNoLaterDeath) {
    ledger_.count(0, now_);
    ledger_.count(1, now_);
    EXPECT_FALSE(ledger_.claim(now_ + OomLedger::kPatience + 1ms));
    ledger_.count(2, now_ + 1h);
    EXPECT_TRUE(ledger_.claim(now_ + 1h)) << "the fresh one, behind it";
    EXPECT_FALSE(ledger_.claim(now_ + 1h));
}

TEST_F(OomLedgerTest, WhatAWorkersOwnGroupCountedIsNobodyElsesDeath) {
    ledger_.count(0, now_);
    ledger_.count(3, now_);
    ledger_.explain(2);
    EXPECT_TRUE(ledger_.claim(now_));
    EXPECT_FALSE(ledger_.claim(now_));
    ledger_.explain(9);  // more than was counted: the rest is not owed
    ledger_.count(4, now_);
    EXPECT_TRUE(ledger_.claim(now_));
}

TEST_F(OomLedgerTest, KnowsWhenItCannotHaveSeenEveryKill) {
    EXPECT_FALSE(ledger_.complete_since(now_)) << "nothing was ever read";
    ledger_.count(0, now_);
    EXPECT_TRUE(ledger_.complete_since(now_ - 1min))
        << "the first run begins before the first look";
    ledger_.start_anew(now_ + 1s);
    EXPECT_FALSE(ledger_.complete_since(now_));
    ledger_.count(7, now_ + 1s);
    EXPECT_FALSE(ledger_.claim(now_)) << "another group's history";
    EXPECT_FALSE(ledger_.complete_since(now_));
    EXPECT_TRUE(ledger_.complete_since(now_ + 2s));
}

TEST_F(OomLedgerTest, AKillThatNobodyClaimedLeavesLaterEndsInDoubt) {
    ledger_.count(0, now_);
    ledger_.count(1, now_);
    EXPECT_EQ(ledger_.take_unclaimed(now_ + 3s), 1u);
    EXPECT_FALSE(ledger_.complete_since(now_));
    EXPECT_TRUE(ledger_.complete_since(now_ + 4s));
}

TEST_F(OomLedgerTest, AtTheEndNothingIsWaitedFor) {
    ledger_.count(0, now_);
    ledger_.count(2, now_);
    EXPECT_EQ(ledger_.take_all(), 2u);
    EXPECT_EQ(ledger_.take_all(), 0u);
}

TEST_F(OomLedgerTest, ALowerCountIsAnotherGroupsAndGivesNoKills) {
    ledger_.count(9, now_);
    ledger_.count(1, now_);
    EXPECT_FALSE(ledger_.claim(now_));
    ledger_.count(2, now_);
    EXPECT_TRUE(ledger_.claim(now_));
}

}  // namespace
}  // namespace pilotfish::daemon
