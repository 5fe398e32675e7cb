#include "daemon/health_board.h"

#include <gtest/gtest.h>

namespace pilotfish::daemon {
namespace {

void note(HealthBoard& board, Check check, bool ok) {
    board.note(check, ProbeResult{ok, ok ? "good" : "bad", {}}, core::TimePoint(), {});
}

TEST(HealthBoard, HoldsBackWhileItsLatestLivenessFailed) {
    HealthBoard board;
    EXPECT_FALSE(board.holds_back());
    note(board, Check::ready, false);
    EXPECT_FALSE(board.holds_back()) << "that is what its state tells";
    note(board, Check::liveness, false);
    EXPECT_TRUE(board.holds_back());
    note(board, Check::liveness, true);
    EXPECT_FALSE(board.holds_back());
}

TEST(HealthBoard, HoldsBackWhatReloadsOrStops) {
    HealthBoard board;
    board.set_reloading(true);
    EXPECT_TRUE(board.holds_back());
    board.set_reloading(false);
    EXPECT_FALSE(board.holds_back());
    board.set_stopping();
    EXPECT_TRUE(board.holds_back());
    board.begin_run();
    EXPECT_FALSE(board.holds_back());
}

TEST(HealthBoard, KeepsCountsAndTheLastWordAcrossRuns) {
    HealthBoard board;
    note(board, Check::liveness, false);
    note(board, Check::liveness, false);
    board.lose_liveness();
    board.set_status("serving");
    EXPECT_EQ(board.failures_in_a_row(Check::liveness), 2u);
    board.begin_run();
    EXPECT_EQ(board.failures_in_a_row(Check::liveness), 0u);
    EXPECT_FALSE(board.is_live()) << "a restart alone proves nothing";
    EXPECT_EQ(board.read().checks[1].failures, 2u);
    EXPECT_EQ(board.last_detail(Check::liveness), "bad");
    EXPECT_EQ(board.read().status, "");
    board.prove_liveness();
    EXPECT_TRUE(board.is_live());
}

}  // namespace
}  // namespace pilotfish::daemon
