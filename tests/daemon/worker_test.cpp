#include "daemon/worker.h"

#include <sys/stat.h>

#include <cstdio>

#include "tests/daemon/worker_fixture.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

config::Schedule every(const std::string& time) {
    config::Schedule schedule;
    std::string why;
    EXPECT_TRUE(config::parse_schedule("@every " + time, schedule, why)) << why;
    return schedule;
}

TEST_F(WorkerLife, WhoIsStoppedStaysSoUntilItIsStartedAndThenWaitsForItsTurn) {
    command("exec sleep 1000");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        const pid_t first = worker().status().pid;
        worker().stop();
        co_await until(WorkerState::finished);
        EXPECT_TRUE(worker().standing().was_stopped);
        worker().release();  // late news: it is over
        worker().start();
        co_await until(WorkerState::waiting);
        EXPECT_TRUE(worker().standing().waits_its_turn);
        EXPECT_FALSE(worker().standing().was_stopped);
        worker().release();
        co_await until(WorkerState::ready);
        EXPECT_NE(worker().status().pid, first);
        EXPECT_EQ(worker().status().starts, 2u);
    });
}

TEST_F(WorkerLife, AStartDuringTheStopFollowsIt) {
    command("trap 'sleep 0.1; exit 0' TERM; while :; do sleep 0.01; done");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        worker().stop();
        co_await until(WorkerState::stopping);
        worker().start();
        co_await until(WorkerState::finished);
        co_await until(WorkerState::waiting);
    });
}

TEST_F(WorkerLife, AStopAfterThatStartIsTheLastWord) {
    command("trap 'sleep 0.1; exit 0' TERM; while :; do sleep 0.01; done");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        worker().stop();
        co_await until(WorkerState::stopping);
        worker().start();
        worker().stop();
        co_await until(WorkerState::finished);
        // Whatever it had in mind it would do before it takes the next message.
        worker().need_is_lost("nobody asks", 1);
        co_await core::sleep_for(milliseconds(20));
        EXPECT_EQ(worker().state(), WorkerState::finished);
    });
}

TEST_F(WorkerLife, AStartEndsTheBackOff) {
    command("exit 3");
    settings_.restart_delay = settings_.restart_max_delay = hours(1);
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::backoff);
        worker().start();
        co_await until(WorkerState::ready);
        co_await until(WorkerState::backoff);
        EXPECT_EQ(worker().status().starts, 2u);
        worker().stop();
        co_await until(WorkerState::finished);
    });
}

TEST_F(WorkerLife, AFirstStartThatFailsIsRetriedLikeAnyOther) {
    const tests::TempDir directory;
    const std::string program = directory.path() + "/program";
    settings_.command = {program};
    settings_.restart = config::RestartPolicy::on_failure;
    run([this, &directory, program]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::backoff);
        EXPECT_EQ(worker().status().last_end_reason, EndReason::start_failed);
        EXPECT_EQ(worker().exit_code(), 127);
        EXPECT_FALSE(worker().standing().has_started);
        // Elsewhere first: whoever writes to it must be gone before it is run.
        directory.write("made", "#!/bin/sh\nexec sleep 1000\n");
        const std::string made = directory.path() + "/made";
        chmod(made.c_str(), 0755);
        EXPECT_EQ(rename(made.c_str(), program.c_str()), 0);
        co_await until(WorkerState::ready);
        EXPECT_TRUE(worker().standing().has_started);
    });
}

TEST_F(WorkerLife, MoreRestartsThanItsLimitAreABadEnd) {
    command("exit 0");
    settings_.restart_limit = {.most = 2, .window = hours(1)};
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::failed);
        EXPECT_EQ(worker().status().starts, 3u);
        EXPECT_FALSE(worker().ended_well());
        EXPECT_EQ(worker().exit_code(), 1) << "although the last run ended with 0";
        EXPECT_NE(worker().status().last_end_text.find("2/1h (RESTART_LIMIT)"), std::string::npos)
            << worker().status().last_end_text;
        // Who starts it again gives it all of its restarts again.
        worker().start();
        co_await until(WorkerState::waiting);
        worker().release();
        co_await until(WorkerState::failed);
        EXPECT_EQ(worker().status().starts, 6u);
    });
}

TEST_F(WorkerLife, TheContainersBudgetHoldsARestartBack) {
    command("exit 0");
    context_.held_back = hours(1);
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::backoff);
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        const auto is_held = [this] {
            const auto next = worker().status().next_try;
            return next && *next > SteadyClock::now() + std::chrono::minutes(30);
        };
        while (!is_held() && SteadyClock::now() < deadline)
            co_await core::sleep_for(milliseconds(1));
        EXPECT_TRUE(is_held());
        EXPECT_EQ(worker().status().starts, 1u);
        EXPECT_EQ(worker().state(), WorkerState::backoff);
    });
}

TEST_F(WorkerLife, WhatItNeedsIsLostIsItsFailure) {
    command("exit 0");
    run([this]() -> core::Task<void> {
        worker().need_is_lost("cannot start it: it needs db", 7);
        co_await until(WorkerState::failed);
        EXPECT_EQ(worker().exit_code(), 7);
        EXPECT_EQ(worker().status().starts, 0u);
        EXPECT_EQ(worker().status().last_end_text, "cannot start it: it needs db");
        worker().start();
        co_await until(WorkerState::waiting);
    });
}

TEST_F(WorkerLife, AOneshotThatEndsWellIsFinished) {
    command("exit 0");
    settings_.kind = config::WorkerKind::oneshot;
    settings_.restart = config::RestartPolicy::on_failure;
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::finished);
        EXPECT_FALSE(worker().standing().was_stopped);
        EXPECT_TRUE(worker().standing().ended_well);
        EXPECT_EQ(worker().status().starts, 1u);
    });
}

TEST_F(WorkerLife, ACronWorkerRunsAgainAndAgainWhateverItsEnd) {
    command("exit 4");
    settings_.kind = config::WorkerKind::cron;
    settings_.restart = config::RestartPolicy::never;
    settings_.schedule = every("100ms");
    run([this]() -> core::Task<void> {
        worker().release();
        for (int i = 0; i < 3; ++i) {
            co_await until(WorkerState::starting);
            co_await until(WorkerState::waiting);
            EXPECT_FALSE(worker().standing().waits_its_turn) << "it waits for its time";
        }
        EXPECT_TRUE(worker().status().restarts.empty());
        EXPECT_EQ(worker().exit_code(), 4);
    });
}

TEST_F(WorkerLife, ATimeAtWhichItsRunStillGoesOnIsSkippedAndCounted) {
    const tests::TempDir directory;
    command("while [ ! -e " + directory.path() + "/end ]; do sleep 0.01; done");
    settings_.kind = config::WorkerKind::cron;
    settings_.restart = config::RestartPolicy::never;
    settings_.schedule = every("100ms");
    run([this, &directory]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        while (worker().status().runs_skipped < 2 && SteadyClock::now() < deadline)
            co_await core::sleep_for(milliseconds(5));
        EXPECT_GE(worker().status().runs_skipped, 2u);
        EXPECT_EQ(worker().status().starts, 1u);
        directory.write("end", "");
        co_await until(WorkerState::waiting);
        co_await until(WorkerState::starting);
        EXPECT_EQ(worker().status().runs_missed, 0u);
    });
}

TEST_F(WorkerLife, ACronWorkerRunsWhenAUserStartsIt) {
    command("exit 0");
    settings_.kind = config::WorkerKind::cron;
    settings_.restart = config::RestartPolicy::never;
    settings_.schedule = every("1h");
    run([this]() -> core::Task<void> {
        worker().release();
        worker().start();
        co_await until(WorkerState::starting);
        co_await until(WorkerState::waiting);
        const auto next = worker().status().next_try;
        EXPECT_TRUE(next && *next > SteadyClock::now() + std::chrono::minutes(30));
        EXPECT_EQ(worker().status().starts, 1u);
        worker().stop();
        co_await until(WorkerState::finished);
    });
}

TEST_F(WorkerLife, ADeadlineOfAStopIsNotTheNextRuns) {
    command("exec sleep 1000");
    settings_.stop_timeout = milliseconds(200);
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        worker().stop();
        co_await until(WorkerState::finished);
        worker().start();
        co_await until(WorkerState::waiting);
        worker().release();
        co_await until(WorkerState::ready);
        const pid_t pid = worker().status().pid;
        // The time of the stop passes, and then some.
        co_await core::sleep_for(milliseconds(400));
        EXPECT_EQ(worker().status().pid, pid);
        EXPECT_EQ(worker().state(), WorkerState::ready);
    });
}

}  // namespace
}  // namespace pilotfish::daemon
