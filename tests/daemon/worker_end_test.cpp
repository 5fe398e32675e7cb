// What is asked of a worker (stop, start, restart) while a run of it begins or ends.
#include <gtest/gtest.h>

#include <fstream>

#include "tests/daemon/worker_fixture.h"
#include "tests/support/test_support.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

class WorkerWishes : public WorkerLife {
  protected:
    void SetUp() override {
        WorkerLife::SetUp();
        settings_.restart_delay = settings_.restart_max_delay = hours(1);
    }

    std::string flag(const std::string& name) const { return dir_.path() + "/" + name; }
    void raise_flag(const std::string& name) const { std::ofstream(flag(name)).put('x'); }
    core::Task<void> until_flag(std::string name) {
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        const std::string path = flag(name);
        while (access(path.c_str(), F_OK) != 0) {
            if (SteadyClock::now() > deadline) {
                ADD_FAILURE() << "nobody raised the flag " << name;
                co_return;
            }
            co_await core::sleep_for(milliseconds(1));
        }
    }

    std::string touch(const std::string& name) const { return ": >" + flag(name) + "; "; }
    std::string await(const std::string& name) const {
        return "until test -e " + flag(name) + "; do sleep 0.01; done; ";
    }
    static config::Command shell(const std::string& script) { return {"/bin/sh", "-c", script}; }

    // It takes a SIGTERM for nothing but news, until "end".
    void takes_its_time() {
        command("trap '" + touch("told") + "' TERM; " + touch("up") + await("end"));
    }
    // Its LIVENESS fails at once.
    void is_sick() {
        config::ProbeTarget probe;
        probe.kind = config::ProbeTarget::Kind::exec;
        probe.command = shell("test ! -e " + flag("up"));
        settings_.liveness.probe = probe;
        settings_.liveness_interval = milliseconds(1);
        settings_.liveness_timeout = kWorkerPatience;
        settings_.liveness_failures = {1};
    }
    std::uint64_t restarts(const std::string& reason) {
        const auto all = worker().status().restarts;
        const auto found = all.find(reason);
        return found == all.end() ? 0 : found->second;
    }

  private:
    const tests::TempDir dir_;
};

TEST_F(WorkerWishes, ARestartMayBeAskedForInEveryState) {
    takes_its_time();
    run([this]() -> core::Task<void> {
        worker().restart("asked");  // it waits
        bool asked = false;
        context_.while_starting = [this, &asked] {
            if (!std::exchange(asked, true)) worker().restart("asked");
        };
        worker().release();
        co_await until(WorkerState::stopping);
        raise_flag("end");
        co_await until(WorkerState::starting);
        EXPECT_EQ(restarts("asked"), 1u);
        co_await until(WorkerState::backoff);  // as there is nothing to wait for any more
        worker().restart("asked");
        worker().stop();
        co_await until(WorkerState::finished);
        worker().restart("asked");
        worker().need_is_lost("nobody asks", 1);
        co_await core::sleep_for(milliseconds(20));
        EXPECT_EQ(worker().state(), WorkerState::finished);
        EXPECT_EQ(worker().status().starts, 2u);
    });
}

TEST_F(WorkerWishes, OneThatIsEndedForItsHealthMayBeRestarted) {
    takes_its_time();
    is_sick();
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("told");
        EXPECT_EQ(worker().state(), WorkerState::stopping);
        worker().restart("resize");  // its next start knows of that anyway
        worker().restart("asked");
        raise_flag("end");
        co_await until(WorkerState::starting);
        co_await until(WorkerState::starting);
        EXPECT_EQ(restarts("asked"), 1u);
        EXPECT_EQ(restarts("resize"), 0u);
    });
}

TEST_F(WorkerWishes, ARestartForTheContainersSakeDoesNotHideAnUnhealthyEnd) {
    takes_its_time();
    is_sick();
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("told");
        worker().restart("resize");
        raise_flag("end");
        co_await until(WorkerState::backoff);
        EXPECT_EQ(restarts("liveness"), 1u);
    });
}

TEST_F(WorkerWishes, ARestartAfterAStopComesTrue) {
    takes_its_time();
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("up");
        worker().stop();
        co_await until_flag("told");
        worker().restart("resize");
        worker().restart("asked");
        raise_flag("end");
        co_await until(WorkerState::finished);
        co_await until(WorkerState::waiting);
    });
}

TEST_F(WorkerWishes, ARestartForTheContainersSakeIsNoWordAgainstAStop) {
    takes_its_time();
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("up");
        worker().stop();
        co_await until_flag("told");
        worker().restart("resize");
        raise_flag("end");
        co_await until(WorkerState::finished);
        worker().need_is_lost("nobody asks", 1);
        co_await core::sleep_for(milliseconds(20));
        EXPECT_EQ(worker().state(), WorkerState::finished);
    });
}

TEST_F(WorkerWishes, TheTimeThatAnUnhealthyRunHadIsNotWhatACronWorkerWaitsFor) {
    command(touch("up") + "exec sleep 1000");
    is_sick();
    settings_.stop_timeout = milliseconds(100);
    settings_.kind = config::WorkerKind::cron;
    settings_.restart = config::RestartPolicy::never;
    std::string why;
    ASSERT_TRUE(config::parse_schedule("@every 1h", settings_.schedule.emplace(), why)) << why;
    run([this]() -> core::Task<void> {
        worker().release();
        worker().start();
        co_await until(WorkerState::starting);
        co_await until(WorkerState::waiting);
        EXPECT_EQ(worker().status().last_end_reason, EndReason::unhealthy);
        co_await core::sleep_for(milliseconds(150));  // the deadline of that stop passes
        const std::uint64_t before = context_.looks.load();
        co_await core::sleep_for(milliseconds(50));
        EXPECT_LT(context_.looks.load() - before, 10u);
    });
}

TEST_F(WorkerWishes, AStopDuringItsBeginningIsNoFailure) {
    command("exit 0");
    settings_.pre_start = shell(touch("begun") + "exec sleep 1000");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("begun");
        worker().stop();
        co_await until(WorkerState::finished);
        EXPECT_TRUE(worker().standing().was_stopped);
        EXPECT_TRUE(worker().status().restarts.empty());
    });
}

TEST_F(WorkerWishes, AStopJustBeforeItsBeginningIsNotLost) {
    command("exit 0");
    settings_.pre_start = shell(touch("begun") + "test -e " + flag("go") + " || exec sleep 1000");
    run([this]() -> core::Task<void> {
        bool asked = false;
        context_.while_starting = [this, &asked] {
            if (!std::exchange(asked, true)) worker().stop();
        };
        worker().release();
        co_await until(WorkerState::finished);
        EXPECT_TRUE(worker().standing().was_stopped);
        EXPECT_NE(access(flag("begun").c_str(), F_OK), 0) << "its PRE_START has not run";
        // That stop was of this start alone.
        raise_flag("go");
        worker().start();
        co_await until(WorkerState::waiting);
        worker().release();
        co_await until(WorkerState::ready);
    });
}

TEST_F(WorkerWishes, AStopDuringThePostStopOfARestartIsTheLastWord) {
    command("exec sleep 1000");
    settings_.post_stop = shell(touch("ending") + await("done"));
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::ready);
        worker().restart("asked");
        co_await until_flag("ending");
        worker().stop();
        raise_flag("done");
        co_await until(WorkerState::finished);
        EXPECT_TRUE(worker().standing().was_stopped);
        EXPECT_EQ(worker().status().starts, 1u);
        EXPECT_TRUE(worker().status().restarts.empty());
    });
}

TEST_F(WorkerWishes, AStartDuringThePostStopOfOneThatEndedIsAnotherRun) {
    command("exit 0");
    settings_.restart = config::RestartPolicy::never;
    settings_.post_stop = shell(touch("ending") + await("done"));
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("ending");
        worker().start();
        raise_flag("done");
        co_await until(WorkerState::starting);
        co_await until(WorkerState::starting);
        EXPECT_EQ(restarts("asked"), 1u);
        co_await until(WorkerState::finished);
        EXPECT_EQ(worker().status().starts, 2u) << "one start is one more run";
    });
}

TEST_F(WorkerWishes, AStartWhileWhatItLeftBehindEndsIsAnotherRun) {
    command("(trap '' TERM; " + touch("deaf") + await("end") + ") & " + await("deaf"));
    settings_.restart = config::RestartPolicy::never;
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::stopping);
        worker().start();
        raise_flag("end");
        co_await until(WorkerState::starting);
        EXPECT_EQ(restarts("asked"), 1u);
    });
}

TEST_F(WorkerWishes, WhoIsOverHasNoNextTry) {
    command("exit 3");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until(WorkerState::backoff);
        EXPECT_TRUE(worker().status().next_try);
        worker().stop();
        co_await until(WorkerState::finished);
        EXPECT_FALSE(worker().status().next_try);
    });
}

TEST_F(WorkerWishes, AStopIsNoLossOfItsLiveness) {
    takes_its_time();
    is_sick();
    // It fails once its worker was told to end.
    settings_.liveness.probe->command = shell(touch("asked") + await("told") + "exit 1");
    run([this]() -> core::Task<void> {
        worker().release();
        co_await until_flag("up");
        co_await until_flag("asked");
        worker().stop();
        co_await until_flag("told");
        const HealthBoard& board = *worker().health();
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        const auto failures = [&board] {
            return board.read().checks[static_cast<std::size_t>(Check::liveness)].failures;
        };
        while (failures() == 0 && SteadyClock::now() < deadline)
            co_await core::sleep_for(milliseconds(1));
        EXPECT_EQ(failures(), 1u);
        raise_flag("end");
        co_await until(WorkerState::finished);
        EXPECT_TRUE(board.is_live());
    });
}

}  // namespace
}  // namespace pilotfish::daemon
