// The end of a container: every descendant is told, given its time, and killed when it is over.
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class Drain : public EndToEnd {};

TEST_F(Drain, TellsAnEscapeeOfASessionOfItsOwnAndWaitsForIt) {
    Process daemon(entrypoint({program("setsid_escapee"), "stay"}));
    daemon.wait_line("parent waits");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGTERM));
    EXPECT_NE(daemon.out().find("escapee done"), std::string::npos) << daemon.out();
}

TEST_F(Drain, AfterMainHasEndedByItselfIsTheSameAndKeepsItsCode) {
    Process daemon(entrypoint({program("setsid_escapee"), "leave"}));
    daemon.wait_line("escapee done");
    EXPECT_EQ(daemon.wait(), exited(3));
}

TEST_F(Drain, KillsADeafMainWhenTheTimeIsOver) {
    Process daemon(entrypoint({program("deaf")}), {.env = {{"PILOTFISH_STOP_TIMEOUT", "500ms"}}});
    daemon.wait_line("deaf");
    const auto told = std::chrono::steady_clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGKILL));
    EXPECT_GE(std::chrono::steady_clock::now() - told, 500ms) << "it was not given its time";
}

TEST_F(Drain, KillsADeafDescendantAndKeepsMainsCode) {
    Process daemon(
        entrypoint({"sh", "-c",
                    program("deaf") + " & setsid " + program("deaf") + " & read line; exit 5"}),
        {.env = {{"PILOTFISH_STOP_TIMEOUT", "500ms"}}});
    daemon.wait_line("deaf");
    daemon.wait_line("deaf");
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(5));
    EXPECT_TRUE(children_of(getpid()).empty());
}

TEST_F(Drain, LeavesNoZombieWhileItRuns) {
    Process daemon(entrypoint({program("fork_orphans"), "500"}));
    daemon.wait_line("left 500");
    EXPECT_TRUE(eventually([&] { return children_of(daemon.pid()).size() == 1; }))
        << children_of(daemon.pid()).size() << " children";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGTERM));
}

TEST_F(Drain, IsNotHeldUpByADescendantThatKeepsThePipeOpen) {
    // The orphan holds standard output for ever; main's end is seen all the same.
    Process daemon(entrypoint({"sh", "-c", "sleep 1000 & exit 6"}));
    EXPECT_EQ(daemon.wait(), exited(6));
}

TEST_F(Drain, OfAForkingCrowdLeavesNothing) {
    Process daemon(entrypoint({"bash", "-c",
                               "trap '' TERM; for i in $(seq 20); do (trap '' TERM; while :; do "
                               "sleep 0.01; done) & done;"
                               "echo up; wait"}),
                   {.env = {{"PILOTFISH_STOP_TIMEOUT", "300ms"}}});
    daemon.wait_line("up");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(128 + SIGKILL));
    EXPECT_TRUE(children_of(getpid()).empty());
}

}  // namespace
}  // namespace pilotfish::e2e
