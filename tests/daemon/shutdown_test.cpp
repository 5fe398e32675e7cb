#include "daemon/shutdown.h"

#include <gtest/gtest.h>

using namespace std::chrono_literals;
using pilotfish::daemon::Shutdown;
using pilotfish::daemon::ShutdownPhase;

namespace {
const Shutdown::Time kStart{100s};
}

TEST(Shutdown, DelaysThenAsksThenTellsThenKills) {
    Shutdown shutdown(kStart, 2s, 25s);
    EXPECT_EQ(shutdown.phase(), ShutdownPhase::delaying);
    EXPECT_EQ(shutdown.next(), kStart + 2s);
    shutdown.advance();
    EXPECT_EQ(shutdown.phase(), ShutdownPhase::asking);
    EXPECT_EQ(shutdown.next(), kStart + 20400ms);
    shutdown.advance();
    EXPECT_EQ(shutdown.phase(), ShutdownPhase::telling);
    EXPECT_EQ(shutdown.next(), kStart + 25s);
    shutdown.advance();
    EXPECT_EQ(shutdown.phase(), ShutdownPhase::killing);
}

TEST(Shutdown, KillsAgainUntilNobodyIsLeft) {
    Shutdown shutdown(kStart, 0s, 1s);
    for (int i = 0; i < 3; ++i) shutdown.advance();
    const auto first = shutdown.next();
    EXPECT_GT(first, kStart + 1s);
    shutdown.advance();
    EXPECT_EQ(shutdown.phase(), ShutdownPhase::killing);
    EXPECT_GT(shutdown.next(), first);
}

TEST(Shutdown, ADelayLongerThanTheWholeStillEndsInTime) {
    Shutdown shutdown(kStart, 60s, 10s);
    EXPECT_EQ(shutdown.next(), kStart + 10s);
    shutdown.advance();
    EXPECT_EQ(shutdown.next(), kStart + 10s);
    shutdown.advance();
    EXPECT_EQ(shutdown.next(), kStart + 10s);
    EXPECT_EQ(shutdown.kills_at(), kStart + 10s);
}
