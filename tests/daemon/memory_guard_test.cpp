#include "daemon/memory_guard.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace pilotfish::daemon {
namespace {

using namespace std::chrono_literals;
using Kind = GuardAction::Kind;
using Cause = GuardAction::Cause;
using Reaction = config::Reaction::Kind;

constexpr std::uint64_t kSoft = 1000;

class MemoryGuardTest : public testing::Test {
  protected:
    // Three that may be restarted.
    MemoryGuardTest() { make(3); }
    void make(std::size_t workers) {
        guard_ = MemoryGuard(workers);
        workers_.assign(workers, {});
        for (GuardedWorker& worker : workers_) {
            worker.reaction = Reaction::restart;
            worker.may_restart = worker.runs = true;
            worker.run = 1;
            worker.resident_bytes = 100;
        }
    }
    // A look a second after the last.
    std::vector<GuardAction> look(std::uint64_t used, std::chrono::seconds later = 1s) {
        now_ += later;
        GuardLook now;
        now.now = now_;
        now.working_set_bytes = used;
        now.soft_bytes = soft_;
        if (firm_) now.firm_bytes = *firm_, now.firm_soft_bytes = soft_;
        now.pressed = std::exchange(pressed_, false);
        now.workers = workers_;
        return guard_.look(now);
    }
    // What one look led to: -1 nothing, else the worker's place; kind and cause are as expected.
    int acts(std::uint64_t used, Kind kind, std::chrono::seconds later = 1s) {
        const auto actions = look(used, later);
        if (actions.empty()) return -1;
        EXPECT_EQ(actions.size(), 1U);
        EXPECT_EQ(name_of(actions[0].kind), name_of(kind));
        EXPECT_EQ(actions[0].cause == Cause::container, true);
        return static_cast<int>(actions[0].worker);
    }
    // It ended and runs again, small.
    void begins_anew(std::size_t at, std::uint64_t bytes = 10) {
        ++workers_[at].run;
        workers_[at].resident_bytes = bytes;
    }
    std::optional<std::uint64_t> soft_ = kSoft;
    std::optional<std::uint64_t> firm_;
    bool pressed_ = false;
    MemoryGuard guard_{0};
    std::vector<GuardedWorker> workers_;
    MemoryGuard::TimePoint now_{1000h};
};

TEST_F(MemoryGuardTest, DoesNothingFarFromTheLimitNorWithoutOne) {
    for (std::uint64_t used = 0; used < 950; used += 50) EXPECT_TRUE(look(used).empty()) << used;
    soft_.reset();
    EXPECT_TRUE(look(1u << 30).empty());
}

TEST_F(MemoryGuardTest, WantsSizesFrom70PercentAndUntilFivePointsBelow) {
    EXPECT_FALSE(guard_.wants_sizes(699, kSoft));
    EXPECT_TRUE(guard_.wants_sizes(700, kSoft));
    EXPECT_FALSE(guard_.wants_sizes(700, std::nullopt));
    look(700);
    EXPECT_TRUE(guard_.wants_sizes(650, kSoft));
    EXPECT_FALSE(guard_.wants_sizes(649, kSoft));
    look(649);
    EXPECT_FALSE(guard_.wants_sizes(650, kSoft));
}

TEST_F(MemoryGuardTest, WhoMovesToAnotherPlaceKeepsWhatIsKnownOfIt) {
    look(700);
    workers_[2].resident_bytes = 400;  // it grew most, until a reload removed the first
    guard_.follow(std::vector<std::optional<std::size_t>>{2, std::nullopt, 1});
    workers_ = {workers_[2], workers_[0], workers_[1]};
    workers_[1].resident_bytes = 900;
    EXPECT_EQ(acts(1000, Kind::restart), 0);  // the newcomer is larger, but has not grown
}

TEST_F(MemoryGuardTest, RestartsAtTheSoftLimitAndNotBefore) {
    look(700);
    EXPECT_EQ(acts(999, Kind::restart), -1);
    EXPECT_NE(acts(1000, Kind::restart), -1);
}

TEST_F(MemoryGuardTest, SignalsFiveInAHundredBefore) {
    workers_[1].reaction = Reaction::signal;
    look(700);
    EXPECT_EQ(acts(949, Kind::signal), -1);
    EXPECT_EQ(acts(950, Kind::signal), 1);
}

TEST_F(MemoryGuardTest, TheOneThatGrewMostGoesFirstNotTheLargest) {
    workers_[0].resident_bytes = 500;
    look(700);
    workers_[0].resident_bytes = 510;
    workers_[1].resident_bytes = 350;
    workers_[2].resident_bytes = 200;
    const auto actions = look(1010);
    ASSERT_EQ(actions.size(), 1U);
    const GuardAction expected{.kind = Kind::restart,
                               .cause = Cause::container,
                               .worker = 1,
                               .used_bytes = 1010,
                               .limit_bytes = kSoft,
                               .resident_bytes = 350,
                               .grown_bytes = 250};
    EXPECT_EQ(actions[0], expected);
}

TEST_F(MemoryGuardTest, AJumpThatNobodyWatchedCountsAllThatEachHas) {
    workers_[2].resident_bytes = 700;
    EXPECT_EQ(acts(1100, Kind::restart), 2);
}

TEST_F(MemoryGuardTest, GrowthIsOfTheLast10To20Minutes) {
    look(700);
    workers_[0].resident_bytes = 400;  // grew long ago, and rests
    for (int minute = 0; minute < 21; ++minute) look(900, 60s);
    workers_[1].resident_bytes = 200;
    EXPECT_EQ(acts(1000, Kind::restart), 1);
}

TEST_F(MemoryGuardTest, OneWithoutAReactionIsNeverTouchedHoweverItGrows) {
    workers_[0].reaction = Reaction::none;
    look(700);
    workers_[0].resident_bytes = 800;
    workers_[1].resident_bytes = 110;
    EXPECT_EQ(acts(1100, Kind::restart), 1);
}

TEST_F(MemoryGuardTest, OneWithRestartNeverIsNeverRestarted) {
    for (GuardedWorker& worker : workers_) worker.may_restart = false;
    look(700);
    for (int second = 0; second < 3600; ++second) EXPECT_TRUE(look(2000).empty());
}

TEST_F(MemoryGuardTest, OneThatHoldsLittleIsNotRestartedAsThatWouldNotHelp) {
    for (GuardedWorker& worker : workers_) worker.resident_bytes = 49;
    EXPECT_EQ(acts(1000, Kind::restart), -1);
    workers_[2].resident_bytes = 50;
    EXPECT_EQ(acts(1000, Kind::restart), 2);
}

TEST_F(MemoryGuardTest, WaitsWhetherItHelpedBeforeTheNext) {
    look(700);
    workers_[0].resident_bytes = 300;
    workers_[1].resident_bytes = 200;
    EXPECT_EQ(acts(1000, Kind::restart), 0);
    begins_anew(0);
    for (int second = 1; second < 10; ++second) EXPECT_EQ(acts(1000, Kind::restart), -1);
    EXPECT_EQ(acts(940, Kind::restart), -1);  // it did, for a moment
    EXPECT_EQ(acts(1000, Kind::restart), 1);
}

TEST_F(MemoryGuardTest, AfterARestartThatDidNotHelpThePauseDoubles) {
    make(6);
    std::vector<int> at;
    for (int second = 0; second < 500; ++second) {
        for (const GuardAction& action : look(1000)) {
            if (action.kind != Kind::restart) continue;
            at.push_back(second);
            begins_anew(action.worker, 100);
        }
    }
    EXPECT_EQ(at, (std::vector<int>{0, 20, 60, 140, 300}));
}

TEST_F(MemoryGuardTest, ActivePageCacheRestartsNobodyUnlessTheKernelTellsOfPressure) {
    firm_ = 400;
    look(700);
    EXPECT_EQ(acts(1000, Kind::restart), -1);
    pressed_ = true;
    EXPECT_NE(acts(1000, Kind::restart), -1);
}

TEST_F(MemoryGuardTest, ARestartIsToldWithWhatCannotBeReclaimed) {
    firm_ = 1010;
    look(700);
    const auto actions = look(1200);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].used_bytes, 1010U);
}

TEST_F(MemoryGuardTest, DoesNothingMoreWhenItHelped) {
    look(700);
    workers_[0].resident_bytes = 300;
    EXPECT_EQ(acts(1000, Kind::restart), 0);
    begins_anew(0);
    for (int second = 0; second < 3600; ++second) EXPECT_TRUE(look(940).empty());
}

TEST_F(MemoryGuardTest, WaitsForOneThatIsBeingEndedHoweverLongThatTakes) {
    look(700);
    EXPECT_EQ(acts(1000, Kind::restart), 0);
    workers_[0].runs = false;
    workers_[0].is_ending = true;
    workers_[1].own_bytes = 50;
    for (int second = 0; second < 100; ++second) EXPECT_EQ(acts(1000, Kind::restart), -1);
    workers_[1].own_bytes.reset();
    workers_[0].is_ending = false;
    workers_[0].runs = true;
    begins_anew(0);
    EXPECT_NE(acts(1000, Kind::restart), -1);
}

TEST_F(MemoryGuardTest, OneThatDoesNotRunIsPassedOver) {
    look(700);
    workers_[0].resident_bytes = 500;
    workers_[0].runs = false;
    EXPECT_EQ(acts(1000, Kind::restart), 1);
}

TEST_F(MemoryGuardTest, PressureTellsToRestartAlreadyWhereSignalsBegin) {
    look(700);
    EXPECT_EQ(acts(960, Kind::restart), -1);
    pressed_ = true;
    EXPECT_NE(acts(960, Kind::restart), -1);
    pressed_ = true;
    EXPECT_EQ(acts(940, Kind::restart, 60s), -1);
}

TEST_F(MemoryGuardTest, OneWorkerIsSignalledOnceAMinuteAtMost) {
    for (GuardedWorker& worker : workers_) worker.reaction = Reaction::none;
    workers_[0].reaction = Reaction::signal;
    look(700);
    int signals = 0;
    for (int second = 0; second < 600; ++second) signals += acts(990, Kind::signal) == 0 ? 1 : 0;
    EXPECT_EQ(signals, 10);
}

TEST_F(MemoryGuardTest, AfterASignalThatDidNotHelpTheNextIsAskedNotTheSameAgain) {
    workers_[0].reaction = workers_[1].reaction = Reaction::signal;
    look(700);
    workers_[0].resident_bytes = 400;
    workers_[1].resident_bytes = 200;
    workers_[2].resident_bytes = 150;
    EXPECT_EQ(acts(1000, Kind::signal), 0);
    EXPECT_EQ(acts(1000, Kind::signal, 10s), 1);
    EXPECT_EQ(acts(1000, Kind::restart, 10s), 2);
}

// Each restart is followed by the same growth at once: the worst there is.
TEST_F(MemoryGuardTest, AStormIsRuledOutByTheBudgetsOfOneAndOfAll) {
    make(5);
    std::map<std::size_t, int> restarts;
    int withheld = 0;
    for (int second = 0; second < 590; ++second) {
        for (GuardedWorker& worker : workers_) worker.resident_bytes += 30;
        // Each helps a little, and not for long.
        for (const GuardAction& action : look(20000 - 10 * static_cast<std::uint64_t>(second))) {
            if (action.kind == Kind::withheld) ++withheld;
            if (action.kind != Kind::restart) continue;
            ++restarts[action.worker];
            begins_anew(action.worker);
        }
    }
    int sum = 0;
    for (const auto& [worker, count] : restarts) {
        EXPECT_LE(count, 3) << worker;
        sum += count;
    }
    EXPECT_EQ(sum, 6);
    EXPECT_EQ(withheld, 1) << "what is withheld is told once an episode";
}

TEST_F(MemoryGuardTest, OneThatWasRestartedTooOftenIsLeftAloneUntilTheWindowHasPassed) {
    make(1);
    std::vector<int> at;
    int withheld = 0;
    for (int second = 0; second < 1300; ++second) {
        workers_[0].resident_bytes = 500;
        for (const GuardAction& action : look(1500)) {
            if (action.kind == Kind::withheld) ++withheld;
            if (action.kind != Kind::restart) continue;
            at.push_back(second);
            begins_anew(0, 500);
        }
    }
    EXPECT_EQ(at, (std::vector<int>{0, 20, 60, 600, 760, 1080}));
    EXPECT_EQ(withheld, 1);
}

TEST_F(MemoryGuardTest, ALoadThatSwingsAroundTheThresholdIsNoWayAroundTheBudgets) {
    make(1);
    int restarts = 0;
    for (int second = 0; second < 600; ++second) {
        for (const GuardAction& action : look(second % 2 == 0 ? 1500 : 100))
            restarts += action.kind == Kind::restart ? 1 : 0;
        begins_anew(0, 500);
    }
    EXPECT_EQ(restarts, 3);
}

TEST_F(MemoryGuardTest, OverItsOwnMemoryAWorkerGetsItsReaction) {
    workers_[1].own_bytes = 200;
    workers_[1].resident_bytes = 200;
    EXPECT_TRUE(look(100).empty());
    workers_[1].resident_bytes = 201;
    const auto actions = look(100);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].kind, Kind::restart);
    EXPECT_EQ(actions[0].cause, Cause::own_memory);
    EXPECT_EQ(actions[0].worker, 1U);
    EXPECT_EQ(actions[0].limit_bytes, 200U);
    begins_anew(1, 201);
    EXPECT_TRUE(look(100).empty());  // it is given time to settle
    EXPECT_EQ(look(100, 10s).size(), 1U);
}

TEST_F(MemoryGuardTest, OneActionALookIsSharedWithThoseOverTheirOwnMemory) {
    workers_[0].own_bytes = workers_[1].own_bytes = 50;
    std::vector<std::size_t> order;
    for (int second = 0; second < 35; ++second) {
        const auto actions = look(1000);
        ASSERT_LE(actions.size(), 1U);
        for (const GuardAction& action : actions) {
            order.push_back(action.worker);
            begins_anew(action.worker, 10);
        }
    }
    EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2}));
}

TEST_F(MemoryGuardTest, OneThatACgroupCapsIsReactedToBeforeTheKernelIs) {
    workers_[0].own_bytes = 1000;
    workers_[0].is_capped = true;
    workers_[0].resident_bytes = 950;
    EXPECT_TRUE(look(100).empty());
    workers_[0].resident_bytes = 951;
    const auto actions = look(100);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].kind, Kind::restart);
    EXPECT_EQ(actions[0].cause, Cause::own_memory);
}

TEST_F(MemoryGuardTest, OneThatACgroupCapsNeedsNoWarning) {
    workers_[0].reaction = Reaction::none;
    workers_[0].own_bytes = 1000;
    workers_[0].is_capped = true;
    workers_[0].resident_bytes = 1000;
    EXPECT_TRUE(look(100).empty());
}

TEST_F(MemoryGuardTest, WithoutAReactionItIsWarnedOnceAnEpisode) {
    workers_[0].reaction = Reaction::none;
    workers_[0].own_bytes = 200;
    const auto at = [this](std::uint64_t bytes) {
        workers_[0].resident_bytes = bytes;
        const auto actions = look(100);
        EXPECT_TRUE(actions.empty() || actions[0].kind == Kind::warn);
        return actions.size();
    };
    EXPECT_EQ(at(300), 1U);
    EXPECT_EQ(at(300), 0U);
    EXPECT_EQ(at(190), 0U);  // not five points below
    EXPECT_EQ(at(300), 0U);
    EXPECT_EQ(at(189), 0U);
    EXPECT_EQ(at(300), 1U);
}

TEST_F(MemoryGuardTest, RestartNeverIsWarnedToo) {
    workers_[0].may_restart = false;
    workers_[0].own_bytes = 50;
    const auto actions = look(100);
    ASSERT_EQ(actions.size(), 1U);
    EXPECT_EQ(actions[0].kind, Kind::warn);
    EXPECT_TRUE(look(100, 600s).empty());
}

TEST_F(MemoryGuardTest, RestartsForItsOwnMemoryCountForTheBudgetToo) {
    workers_[0].own_bytes = 50;
    int restarts = 0;
    int withheld = 0;
    for (int second = 0; second < 600; ++second) {
        for (const GuardAction& action : look(100)) {
            if (action.kind == Kind::withheld) ++withheld;
            if (action.kind != Kind::restart) continue;
            ++restarts;
            begins_anew(0, 100);
        }
    }
    EXPECT_EQ(restarts, 3);
    EXPECT_EQ(withheld, 1);
}

}  // namespace
}  // namespace pilotfish::daemon
