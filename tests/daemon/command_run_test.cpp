#include "daemon/command_run.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/descendants.h"

using namespace std::chrono_literals;
using pilotfish::core::Runtime;
using pilotfish::core::Task;
using pilotfish::daemon::CommandRequest;
using pilotfish::daemon::CommandResult;
using pilotfish::daemon::ProcessTable;
using pilotfish::daemon::run_command;

namespace {

using Kind = CommandResult::Kind;

CommandRequest shell(const std::string& script) {
    CommandRequest request;
    request.process.command = {"/bin/sh", "-c", script};
    request.process.environment = {"PATH=/usr/local/bin:/usr/bin:/bin"};
    request.process.stdin_fd = pilotfish::daemon::kNullDevice;
    request.timeout = 30s;  // only a failing test waits this long
    return request;
}

Task<void> reap_until(ProcessTable& table, const std::atomic<bool>& over) {
    while (!over || ProcessTable::has_children()) {
        table.reap();
        co_await pilotfish::core::sleep_for(1ms);
    }
}

// With whoever reaps beside it, as the daemon's signals do.
CommandResult result_of(CommandRequest request) {
    ProcessTable table;
    std::atomic<bool> over{false};
    CommandResult result;
    Runtime runtime;
    const auto main = [&]() -> Task<int> {
        auto reaper = pilotfish::core::spawn(reap_until(table, over));
        result = co_await run_command(table, std::move(request));
        over = true;
        co_await reaper;
        co_return 0;
    };
    runtime.run(main());
    return result;
}

}  // namespace

TEST(CommandRun, GivesTheEndAndTheLastOfTheOutput) {
    CommandResult result = result_of(shell("echo one; echo two >&2; exit 3"));
    EXPECT_EQ(result.kind, Kind::ended);
    EXPECT_EQ(result.status.code, 3);
    EXPECT_FALSE(result.ok());
    EXPECT_EQ(result.sentence, "exited with code 3");
    EXPECT_NE(result.output.find("one\n"), std::string::npos);
    EXPECT_NE(result.output.find("two\n"), std::string::npos);
    EXPECT_TRUE(result_of(shell("exit 0")).ok());
    EXPECT_EQ(result_of(shell("kill -9 $$")).sentence, "was killed by SIGKILL");
}

TEST(CommandRun, KeepsTheEndOfALongOutputAndHandsOnAllOfIt) {
    CommandRequest request = shell("seq 1 100000");
    std::string all;
    request.output = [&all](bool is_error, std::string_view bytes) {
        EXPECT_FALSE(is_error);
        all += bytes;
    };
    const CommandResult result = result_of(std::move(request));
    EXPECT_EQ(all.size(), 588'895U);
    EXPECT_EQ(result.output.size(), pilotfish::daemon::kCommandTailBytes);
    EXPECT_TRUE(all.ends_with(result.output));
    EXPECT_EQ(result.last_line(), "100000");
}

TEST(CommandRun, TheLastLineIsOneThatHasTextAndNoControls) {
    CommandResult result;
    EXPECT_EQ(result.last_line(), "");
    result.output = "first\nsecond\ttab\n\n  \n";
    EXPECT_EQ(result.last_line(), "second tab");
    result.output = std::string(1000, 'x');
    EXPECT_EQ(result.last_line(), std::string(200, 'x'));
}

TEST(CommandRun, WhatDoesNotEndInTimeIsAskedAndThenKilled) {
    CommandRequest deaf = shell("trap '' TERM; echo ready; while :; do sleep 1000; done");
    deaf.timeout = 50ms;
    deaf.grace = 10ms;
    CommandResult result = result_of(std::move(deaf));
    EXPECT_EQ(result.kind, Kind::timed_out);
    EXPECT_EQ(result.status.signal, SIGKILL);
    EXPECT_EQ(result.sentence, "did not end within 50 ms");

    CommandRequest polite = shell("trap 'exit 9' TERM; while :; do sleep 0.01; done");
    polite.timeout = 200ms;
    polite.grace = 30s;
    result = result_of(std::move(polite));
    EXPECT_EQ(result.kind, Kind::timed_out);
    EXPECT_EQ(result.status.code, 9);
    EXPECT_FALSE(result.ok());
}

TEST(CommandRun, AStopEndsItEarly) {
    std::stop_source source;
    CommandRequest request = shell("echo begun; exec sleep 1000");
    request.stop = source.get_token();
    request.output = [&source](bool, std::string_view) { source.request_stop(); };
    const CommandResult result = result_of(std::move(request));
    EXPECT_EQ(result.kind, Kind::stopped);
    EXPECT_EQ(result.sentence, "was stopped");
}

TEST(CommandRun, AStopBeforeItsStartIsHeardToo) {
    std::stop_source source;
    source.request_stop();
    CommandRequest request = shell("exec sleep 1000");
    request.stop = source.get_token();
    EXPECT_EQ(result_of(std::move(request)).kind, Kind::stopped);
}

TEST(CommandRun, WhatItLeavesInItsGroupIsKilled) {
    // The pipes would be held open for 1000 s.
    const auto begun = std::chrono::steady_clock::now();
    const CommandResult result = result_of(shell("sleep 1000 & echo done"));
    EXPECT_TRUE(result.ok()) << result.sentence;
    EXPECT_EQ(result.output, "done\n");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 30s);
    EXPECT_TRUE(pilotfish::daemon::descendants_of(getpid()).empty());
}

TEST(CommandRun, WhatCannotBeStartedSaysSo) {
    CommandRequest request = shell("");
    request.process.command = {"/no/such/program"};
    const CommandResult result = result_of(std::move(request));
    EXPECT_EQ(result.kind, Kind::not_started);
    EXPECT_EQ(result.status.code, 127);
    EXPECT_EQ(result.sentence, "cannot start /no/such/program: No such file or directory");
}
