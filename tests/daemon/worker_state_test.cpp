#include "daemon/worker_state.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

using pilotfish::daemon::WorkerEvent;
using pilotfish::daemon::WorkerState;
namespace daemon_ns = pilotfish::daemon;

namespace {

const std::vector<WorkerState> kStates = {
    WorkerState::waiting,  WorkerState::starting, WorkerState::running,  WorkerState::ready,
    WorkerState::stopping, WorkerState::backoff,  WorkerState::finished, WorkerState::failed};

std::set<WorkerState> reachable_from(WorkerState start) {
    std::set<WorkerState> seen = {start};
    for (bool grew = true; grew;) {
        grew = false;
        for (const auto& transition : daemon_ns::worker_transitions()) {
            if (seen.contains(transition.from)) grew |= seen.insert(transition.to).second;
        }
    }
    return seen;
}

}  // namespace

TEST(WorkerState, EveryPairOfStateAndEventStandsOnceAtMost) {
    std::set<std::pair<WorkerState, WorkerEvent>> seen;
    for (const auto& transition : daemon_ns::worker_transitions()) {
        EXPECT_TRUE(seen.insert({transition.from, transition.event}).second)
            << daemon_ns::name_of(transition.from) << " + " << daemon_ns::name_of(transition.event);
        EXPECT_EQ(daemon_ns::next_state(transition.from, transition.event), transition.to);
    }
}

TEST(WorkerState, EveryStateIsReachedFromWaiting) {
    EXPECT_EQ(reachable_from(WorkerState::waiting).size(), kStates.size());
}

TEST(WorkerState, AnEndIsReachedFromEveryState) {
    for (const WorkerState state : kStates) {
        const auto reachable = reachable_from(state);
        EXPECT_TRUE(reachable.contains(WorkerState::finished) ||
                    reachable.contains(WorkerState::failed))
            << daemon_ns::name_of(state);
    }
}

TEST(WorkerState, OnlyAUsersWishLeavesAnEndAndItsTurnComesAgain) {
    for (const auto& transition : daemon_ns::worker_transitions()) {
        if (!daemon_ns::is_over(transition.from)) continue;
        EXPECT_EQ(transition.event, WorkerEvent::start_asked);
        EXPECT_EQ(transition.to, WorkerState::waiting);
    }
    EXPECT_TRUE(reachable_from(WorkerState::finished).contains(WorkerState::ready));
    EXPECT_TRUE(reachable_from(WorkerState::failed).contains(WorkerState::ready));
}

TEST(WorkerState, AStopIsTakenInEveryStateButWhereItIsKept) {
    // While it is being started, or ended, the wish waits in the worker's inbox.
    for (const WorkerState state : kStates) {
        bool takes = false;
        for (const auto& transition : daemon_ns::worker_transitions())
            takes |= transition.from == state && transition.event == WorkerEvent::stop_requested;
        const bool keeps = state == WorkerState::starting || state == WorkerState::stopping ||
                           daemon_ns::is_over(state);
        EXPECT_NE(takes, keeps) << daemon_ns::name_of(state);
    }
}

TEST(WorkerState, ARunEndsThroughStoppingOnly) {
    // What a run left behind must be looked after, so no end skips that state.
    for (const auto& transition : daemon_ns::worker_transitions()) {
        if (daemon_ns::is_up(transition.from) && !daemon_ns::is_up(transition.to)) {
            EXPECT_EQ(transition.from, WorkerState::stopping);
        }
    }
}

TEST(WorkerState, EveryStateHasANameAndASentence) {
    std::set<std::string> names;
    for (const WorkerState state : kStates) {
        EXPECT_TRUE(names.insert(std::string(daemon_ns::name_of(state))).second);
        EXPECT_GT(daemon_ns::sentence_of(state).size(), 10U);
    }
}

TEST(WorkerStateDeathTest, AnEventThatCannotBeIsABug) {
    EXPECT_DEATH(daemon_ns::next_state(WorkerState::finished, WorkerEvent::started),
                 "finished cannot take the event started");
}
