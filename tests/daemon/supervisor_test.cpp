#include "daemon/supervisor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/runtime.h"
#include "core/sleep.h"
#include "tests/config/environment.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// The workers of a `run`, as real processes, and a test's body beside them.
class SupervisorOf : public testing::Test {
  protected:
    void SetUp() override { signals_ = SignalsAtStart::take(); }
    void TearDown() override { signals_.give_back(); }

    Verdict run(std::initializer_list<std::string> entries,
                std::function<core::Task<void>()> body) {
        const config::Environment environment(entries);
        const auto loaded = config::load(environment.get(), config::as_run());
        EXPECT_TRUE(loaded.ok()) << loaded.error().message;
        if (!loaded) return {};
        const config::Configuration& configuration = *loaded;
        cgroup::FileSource source = cgroup::FileSource::this_process();
        OomWatch oom(
            source, [] { return core::Limits(); }, [](const std::string&, const std::string&) {});
        Output output(STDERR_FILENO);
        EventLog events;
        WorkerGroups groups(configuration);
        const CurrentConfiguration current(configuration);
        SupervisorParts parts{
            .current = current,
            .reload = [] {},
            .entrypoint = false,
            .directory = {},
            .signals_at_start = signals_,
            .oom = oom,
            .standard_output = output,
            .standard_error = output,
            .events = events,
            .hints = [](const config::WorkerSettings&,
                        const std::vector<std::string>&) { return std::vector<Hint>(); },
            .groups = groups,
            .after_first_start = [] {},
            .before_long_start = [] {}};
        supervisor_ = std::make_unique<Supervisor>(std::move(parts));
        Verdict verdict;
        core::Runtime runtime;
        runtime.run(whole(std::move(body), verdict));
        supervisor_.reset();
        return verdict;
    }

    Worker& worker(const std::string& name) {
        for (const auto& each : supervisor_->workers())
            if (each->settings().name == name) return *each;
        throw std::runtime_error("no worker " + name);
    }

    core::Task<void> until(std::function<bool()> condition) {
        const SteadyTime deadline = SteadyClock::now() + std::chrono::seconds(30);
        while (!condition()) {
            if (SteadyClock::now() > deadline) {
                ADD_FAILURE() << "it did not come to that";
                co_return;
            }
            co_await core::sleep_for(milliseconds(1));
        }
    }
    core::Task<void> until_state(std::string name, WorkerState state) {
        std::function<bool()> is_there = [this, name, state] {
            return worker(name).state() == state;
        };
        co_await until(std::move(is_there));
    }

    bool is_done() const { return done_; }
    const Supervisor& supervisor() const { return *supervisor_; }

  private:
    core::Task<void> supervise(Verdict& verdict) {
        verdict = co_await supervisor_->run();
        done_ = true;
    }
    core::Task<int> whole(std::function<core::Task<void>()> body, Verdict& verdict) {
        core::spawn(supervise(verdict)).detach();
        co_await body();
        std::function<bool()> over = [this] { return is_done(); };
        co_await until(std::move(over));
        co_return 0;
    }

    SignalsAtStart signals_;
    std::unique_ptr<Supervisor> supervisor_;
    std::atomic<bool> done_{false};
};

TEST_F(SupervisorOf, AWorkerThatAUserStoppedIsNoEndAndCanBeStartedAgain) {
    const Verdict verdict = run({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=sleep 1000",
                                 "PILOTFISH_WORKER_WEB_CRITICAL=true"},
                                [this]() -> core::Task<void> {
                                    co_await until_state("web", WorkerState::ready);
                                    worker("web").stop();
                                    co_await until_state("web", WorkerState::finished);
                                    // Its end is known by then: the next news of it comes behind
                                    // that.
                                    worker("web").start();
                                    co_await until_state("web", WorkerState::ready);
                                    EXPECT_FALSE(is_done());
                                    EXPECT_EQ(worker("web").status().starts, 2u);
                                    kill(getpid(), SIGTERM);
                                });
    EXPECT_EQ(verdict.code, 0);
    EXPECT_TRUE(verdict.asked_for);
}

TEST_F(SupervisorOf, TheContainerGoesOnWithoutAnybodyAndStopsWhenItIsAskedTo) {
    const Verdict verdict =
        run({"PILOTFISH_WORKERS=web,once", "PILOTFISH_WORKER_WEB_COMMAND=sleep 1000",
             "PILOTFISH_WORKER_ONCE_COMMAND=true", "PILOTFISH_WORKER_ONCE_KIND=oneshot"},
            [this]() -> core::Task<void> {
                co_await until_state("web", WorkerState::ready);
                co_await until_state("once", WorkerState::finished);
                worker("web").stop();
                co_await until_state("web", WorkerState::finished);
                co_await core::sleep_for(milliseconds(50));
                EXPECT_FALSE(is_done());
                kill(getpid(), SIGTERM);
            });
    EXPECT_EQ(verdict.code, 0);
}

TEST_F(SupervisorOf, WhoNeedsAWorkerThatAUserStoppedWaitsForIt) {
    const std::string flag = testing::TempDir() + "/stopped" + std::to_string(getpid());
    unlink(flag.c_str());
    run({"PILOTFISH_WORKERS=migrate,web", "PILOTFISH_WORKER_MIGRATE_KIND=oneshot",
         R"(PILOTFISH_WORKER_MIGRATE_COMMAND=["sh","-c","test -e )" + flag + R"( || sleep 1000"])",
         "PILOTFISH_WORKER_WEB_NEEDS=migrate", "PILOTFISH_WORKER_WEB_COMMAND=sleep 1000"},
        [this, flag]() -> core::Task<void> {
            co_await until_state("migrate", WorkerState::ready);
            worker("migrate").stop();
            co_await until_state("migrate", WorkerState::finished);
            EXPECT_EQ(worker("web").state(), WorkerState::waiting);
            close(creat(flag.c_str(), 0600));
            worker("migrate").start();
            co_await until_state("web", WorkerState::ready);
            kill(getpid(), SIGTERM);
        });
    unlink(flag.c_str());
}

TEST_F(SupervisorOf, AFailedNeedCanBeStartedAgainAndSoCanWhoNeedsIt) {
    const std::string flag = testing::TempDir() + "/need" + std::to_string(getpid());
    unlink(flag.c_str());
    run({"PILOTFISH_WORKERS=keep,migrate,web", "PILOTFISH_WORKER_KEEP_COMMAND=sleep 1000",
         "PILOTFISH_WORKER_MIGRATE_KIND=oneshot", "PILOTFISH_WORKER_MIGRATE_RESTART=never",
         "PILOTFISH_WORKER_MIGRATE_COMMAND=test -e " + flag, "PILOTFISH_WORKER_WEB_NEEDS=migrate",
         "PILOTFISH_WORKER_WEB_COMMAND=sleep 1000"},
        [this, flag]() -> core::Task<void> {
            co_await until_state("migrate", WorkerState::failed);
            co_await until_state("web", WorkerState::failed);
            EXPECT_EQ(worker("web").status().starts, 0u);
            close(creat(flag.c_str(), 0600));
            worker("migrate").start();
            co_await until_state("migrate", WorkerState::finished);
            worker("web").start();
            co_await until_state("web", WorkerState::ready);
            kill(getpid(), SIGTERM);
        });
    unlink(flag.c_str());
}

TEST_F(SupervisorOf, ACriticalWorkerThatAUserStopsWhileItBeginsIsNoEnd) {
    const std::string flag = testing::TempDir() + "/begun" + std::to_string(getpid());
    unlink(flag.c_str());
    const Verdict verdict =
        run({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=true",
             "PILOTFISH_WORKER_WEB_CRITICAL=true", "PILOTFISH_WORKER_WEB_RESTART=never",
             R"(PILOTFISH_WORKER_WEB_PRE_START=["sh","-c",": >)" + flag + R"(; exec sleep 1000"])"},
            [this, flag]() -> core::Task<void> {
                std::function<bool()> begun = [flag] { return access(flag.c_str(), F_OK) == 0; };
                co_await until(std::move(begun));
                worker("web").stop();
                co_await until_state("web", WorkerState::finished);
                co_await core::sleep_for(milliseconds(50));
                EXPECT_FALSE(is_done());
                kill(getpid(), SIGTERM);
            });
    EXPECT_EQ(verdict.code, 0);
    EXPECT_TRUE(verdict.asked_for);
    unlink(flag.c_str());
}

TEST_F(SupervisorOf, AStopThatWasAskedForIsAGoodEndWhoeverFailsMeanwhile) {
    const std::string flag = testing::TempDir() + "/fail" + std::to_string(getpid());
    unlink(flag.c_str());
    const Verdict verdict =
        run({"PILOTFISH_WORKERS=web,keep", "PILOTFISH_DRAIN_DELAY=1s",
             "PILOTFISH_WORKER_WEB_CRITICAL=true", "PILOTFISH_WORKER_WEB_RESTART=never",
             R"(PILOTFISH_WORKER_WEB_COMMAND=["sh","-c","until test -e )" + flag +
                 R"(; do sleep 0.01; done; exit 3"])",
             "PILOTFISH_WORKER_KEEP_COMMAND=sleep 1000"},
            [this, flag]() -> core::Task<void> {
                co_await until_state("web", WorkerState::ready);
                kill(getpid(), SIGTERM);
                std::function<bool()> stopping = [this] { return supervisor().shutting_down(); };
                co_await until(std::move(stopping));
                close(creat(flag.c_str(), 0600));
                co_await until_state("web", WorkerState::failed);
            });
    EXPECT_EQ(verdict.code, 0);
    unlink(flag.c_str());
}

}  // namespace
}  // namespace pilotfish::daemon
