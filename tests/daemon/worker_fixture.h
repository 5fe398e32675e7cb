// One worker in surroundings of its own: real processes, which a task of the fixture reaps.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/channel.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/worker.h"

namespace pilotfish::daemon {

// Only a failing test waits this long.
inline constexpr std::chrono::seconds kWorkerPatience{30};

class WorkerContextForTests final : public WorkerContext {
  public:
    ProcessTable& processes() override { return processes_; }
    OomWatch& oom() override { return oom_; }
    Output& standard_output() override { return output_; }
    Output& standard_error() override { return output_; }
    const SignalsAtStart& signals_at_start() const override { return signals_; }
    std::vector<std::string> environment_for(const config::WorkerSettings&,
                                             const OwnVariables&) override {
        if (while_starting) while_starting();
        return {"PATH=/usr/bin:/bin"};
    }
    Moment look_at_clocks() const override {
        looks.fetch_add(1, std::memory_order_relaxed);
        return WorkerContext::look_at_clocks();
    }
    SharedGroup group_for(const config::WorkerSettings&) override { return nullptr; }
    SharedGroup group_instead(const config::WorkerSettings&, const core::Error&, bool) override {
        return nullptr;
    }
    void worker_changed(Worker& worker) override { states.post(worker.state()); }
    SteadyTime reserve_restart(SteadyTime now) override { return now + held_back; }
    void worker_event(std::string_view, const std::string&, std::string,
                      std::vector<std::pair<std::string, std::string>>) override {}
    void log_stream_opened() override {}
    void log_stream_closed() override {}

    core::Channel<WorkerState> states;
    std::chrono::nanoseconds held_back{0};
    std::function<void()> while_starting;  // on the life's own thread, before anything of the run
    mutable std::atomic<std::uint64_t> looks{0};  // at the clocks: how often the life wakes

  private:
    ProcessTable processes_;
    cgroup::FileSource source_ = cgroup::FileSource::this_process();
    OomWatch oom_{source_, [] { return core::Limits(); },
                  [](const std::string&, const std::string&) {}};
    Output output_{STDERR_FILENO};
    SignalsAtStart signals_;
};

class WorkerLife : public testing::Test {
  protected:
    void SetUp() override {
        settings_.name = "it";
        settings_.log = config::WorkerLog::none;
        settings_.restart_delay = std::chrono::milliseconds(1);
        settings_.restart_max_delay = std::chrono::milliseconds(2);
    }

    // The test's body as a task, beside the worker's life.
    void run(std::function<core::Task<void>()> body) {
        WorkerRole role;
        role.stop_timeout = settings_.stop_timeout;
        worker_ = std::make_unique<Worker>(
            std::make_shared<const config::WorkerSettings>(settings_), role, context_);
        core::Runtime runtime;
        runtime.run(whole(std::move(body)));
        worker_.reset();
    }

    // The state it comes to, sooner or later.
    core::Task<void> until(WorkerState wanted) {
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        for (;;) {
            auto state = co_await context_.states.receive(deadline);
            if (!state.value) {
                ADD_FAILURE() << "it did not become " << name_of(wanted) << " but is "
                              << name_of(worker_->state());
                co_return;
            }
            if (*state.value == wanted) co_return;
        }
    }

    void command(const std::string& script) { settings_.command = {"/bin/sh", "-c", script}; }
    Worker& worker() { return *worker_; }

    config::WorkerSettings settings_;
    WorkerContextForTests context_;

  private:
    core::Task<void> reap() {
        for (;;) {
            context_.processes().reap();
            co_await core::sleep_for(std::chrono::milliseconds(1));
        }
    }

    core::Task<int> whole(std::function<core::Task<void>()> body) {
        core::spawn(reap()).detach();
        core::spawn(worker_->live()).detach();
        co_await body();
        // Nobody is left behind.
        worker_->stop();
        const SteadyTime deadline = SteadyClock::now() + kWorkerPatience;
        while (!is_over(worker_->state()) && SteadyClock::now() < deadline)
            co_await core::sleep_for(std::chrono::milliseconds(1));
        EXPECT_TRUE(is_over(worker_->state()));
        co_return 0;
    }

    std::unique_ptr<Worker> worker_;
};

}  // namespace pilotfish::daemon
