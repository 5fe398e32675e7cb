// The upgrade in place of a daemon that hosts a task: the task ends in order and begins anew.
#include <csignal>

#include "tests/e2e/support/hosting.h"
#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class PluginUpgrade : public EndToEnd {};

TEST_F(PluginUpgrade, EndsInOrderAndBeginsAnew) {
    Environment environment = hosting(plugin("actor"), "ready log up wait log 'came to its end'");
    environment["PILOTFISH_WORKERS"] = "web,other";
    environment["PILOTFISH_WORKER_OTHER_COMMAND"] = program("ticker") + " t";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    daemon.wait_line("web | up");
    const auto children = children_of(daemon.pid());
    for (int i = 0; i < 2; ++i) {
        daemon.signal(SIGUSR2);
        daemon.wait_line("web | came to its end");
        daemon.wait_error_line("upgraded in place");
        daemon.wait_line("web | up");
    }
    EXPECT_EQ(children_of(daemon.pid()), children) << "the process beside it was not left alone";
    daemon.signal(SIGTERM);
    daemon.wait_line("web | came to its end");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginUpgrade, LeavesOneBehindThatDoesNotEnd) {
    Environment environment = hosting(plugin("actor"), "ready log up deaf");
    environment["PILOTFISH_WORKER_WEB_STOP_TIMEOUT"] = "100ms";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    daemon.wait_line("web | up");
    daemon.signal(SIGUSR2);
    daemon.wait_error_line("upgraded in place");
    daemon.wait_line("web | up");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
