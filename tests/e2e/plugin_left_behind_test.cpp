// Hosted tasks that do not end, or never wait: what becomes of them and of everybody else.
#include <csignal>

#include "tests/e2e/support/hosting.h"
#include "tests/e2e/support/observe.h"

namespace pilotfish::e2e {
namespace {

class PluginLeftBehind : public EndToEnd {};

TEST_F(PluginLeftBehind, IsLeftBehindWhenItDoesNotStopAndNamedInTheLog) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up deaf",
                                   {{"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "100ms"}})});
    daemon.wait_line("web | up");
    daemon.signal(SIGTERM);
    daemon.wait_error_line("a task cannot be killed, so it is left behind");
    daemon.wait_error_line("stay_deaf()");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginLeftBehind, TwoThatHoldTheOnlyProcessorForEverHoldUpNobodyElse) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready spin",
                                   {{"PILOTFISH_MAXPROCS", "1"},
                                    {"PILOTFISH_WORKERS", "web,too,db"},
                                    {"PILOTFISH_WORKER_TOO_PLUGIN", plugin("actor")},
                                    {"PILOTFISH_WORKER_TOO_PLUGIN_ARGS", "ready spin"},
                                    {"PILOTFISH_WORKER_TOO_STOP_TIMEOUT", "100ms"},
                                    {"PILOTFISH_WORKER_DB_COMMAND",
                                     R"(["sh","-c","echo db up; exec sleep 1000"])"},
                                    {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "100ms"}})});
    daemon.wait_line("db up");
    daemon.wait_error_line("pilotfish 0.");
    daemon.signal(SIGTERM);
    daemon.wait_error_line("a task cannot be killed, so it is left behind");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginLeftBehind, TheWholeShutdownsTimeIsEnoughToLeaveItBehind) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up deaf",
                                   {{"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "1h"},
                                    {"PILOTFISH_STOP_TIMEOUT", "200ms"}})});
    daemon.wait_line("web | up");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_TRUE(has(daemon.err(), "web was left behind after")) << daemon.err();
}

TEST_F(PluginLeftBehind, WhatItSpawnedIsWaitedFor) {
    const Outcome outcome = run_once(plugin("actor"), "child 100 return 4");
    EXPECT_EQ(outcome.end, exited(4));
    EXPECT_EQ(outcome.out, "web | the child is done\n");
}

TEST_F(PluginLeftBehind, WhatItSpawnedAndDoesNotEndIsNamed) {
    Environment environment = once(plugin("actor"), "child 3600000 return 4");
    environment["PILOTFISH_WORKER_WEB_STOP_TIMEOUT"] = "100ms";
    const Outcome outcome = run({pilotfish(), "run"}, {.env = environment});
    EXPECT_EQ(outcome.end, exited(4));
    EXPECT_TRUE(has(outcome.err, "left tasks behind that did not end")) << outcome.err;
    EXPECT_TRUE(has(outcome.err, "sleep_shielded(int)")) << outcome.err;
}

TEST_F(PluginLeftBehind, MayUseItsContextForAsLongAsItLikes) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "child 1500 return 0",
                                   {{"PILOTFISH_WORKERS", "web,db"},
                                    {"PILOTFISH_WORKER_DB_COMMAND", R"(["sleep","1000"])"},
                                    {"PILOTFISH_WORKER_WEB_RESTART", "never"},
                                    {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "100ms"}})});
    daemon.wait_error_line("left tasks behind that did not end");
    daemon.wait_error_line("the child has told");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_FALSE(has(daemon.out(), "the child is done")) << "nobody listens any more";
}

TEST_F(PluginLeftBehind, WhenItsLoadingDoesNotReturn) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("never_loads"), {},
                                   {{"PILOTFISH_WORKERS", "web,db"},
                                    {"PILOTFISH_WORKER_DB_COMMAND",
                                     R"(["sh","-c","echo db up; exec sleep 1000"])"},
                                    {"PILOTFISH_STOP_TIMEOUT", "300ms"}})});
    daemon.wait_line("db up");
    daemon.wait_error_line("loading, for ever");
    daemon.signal(SIGTERM);
    daemon.wait_error_line("web: cannot load " + plugin("never_loads") + ": it did not return");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginLeftBehind, IsCounted) {
    const int port = free_port();
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up deaf",
                                   {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                                    {"PILOTFISH_WORKERS", "web,db"},
                                    {"PILOTFISH_WORKER_DB_COMMAND",
                                     R"(["sh","-c","trap '' TERM; while :; do sleep 0.05; done"])"},
                                    {"PILOTFISH_STOP_TIMEOUT", "3s"},
                                    {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "100ms"}})});
    daemon.wait_line("web | up");
    ASSERT_TRUE(eventually(
        [port] { return has(http_get(port, "/v1/workers").body, R"("left_behind":0)"); }));
    daemon.signal(SIGTERM);
    EXPECT_TRUE(eventually(
        [port] { return has(http_get(port, "/v1/workers").body, R"("left_behind":1)"); }));
    EXPECT_EQ(daemon.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
