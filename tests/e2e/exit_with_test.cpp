// Beside other containers' processes: as a sidecar, and what EXIT_WITH ends with. And Jobs, whose
// success is the exit code.
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class ExitWith : public EndToEnd {};

// A copy of `sleep` under a name that nothing else on this machine has.
std::string peer_program(const tests::TempDir& dir) {
    const std::string path = dir.path() + "/peer-" + std::to_string(getpid());
    EXPECT_EQ(run({"cp", "/bin/sleep", path}).end, exited(0));
    return path;
}

std::map<std::string, std::string> ending_with(const std::string& path) {
    return {{"PILOTFISH_ADMIN_LISTEN", "off"},
            {"PILOTFISH_EXIT_WITH", path.substr(path.rfind('/') + 1)}};
}

TEST_F(ExitWith, EndsASidecarWithCode0WhenAllOfThatNameAreGone) {
    const tests::TempDir dir;
    const std::string path = peer_program(dir);
    Process first({path, "1000"});
    Process second({path, "1000"});
    Process daemon({pilotfish(), "run"}, {.env = ending_with(path)});
    daemon.wait_error_line("is there, process");
    first.signal(SIGKILL);
    first.wait();
    ASSERT_TRUE(daemon.running());
    second.signal(SIGTERM);
    second.wait();
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_NE(daemon.err().find("stopped by the end of peer-"), std::string::npos) << daemon.err();
}

TEST_F(ExitWith, WaitsForAProcessThatIsNotThereYetAndStopsTheWorkers) {
    const tests::TempDir dir;
    const std::string path = peer_program(dir);
    auto environment = ending_with(path);
    environment["PILOTFISH_WORKERS"] = "web";
    environment["PILOTFISH_WORKER_WEB_COMMAND"] =
        R"(["sh","-c","trap 'echo told; exit' TERM; echo up; while :; do sleep 0.02; done"])";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    daemon.wait_error_line("no process is called peer-");
    Process peer({path, "1000"});
    daemon.wait_error_line("is there, process");
    peer.signal(SIGTERM);
    peer.wait();
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_NE(daemon.out().find("told"), std::string::npos) << daemon.out();
}

TEST_F(ExitWith, DoesNotTakeItsOwnWorkerForAPeer) {
    const tests::TempDir dir;
    const std::string path = peer_program(dir);
    auto environment = ending_with(path);
    environment["PILOTFISH_WORKERS"] = "web";
    environment["PILOTFISH_WORKER_WEB_COMMAND"] = path + " 1000";
    Process daemon({pilotfish(), "run"}, {.env = environment});
    daemon.wait_error_line("no process is called peer-");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ExitWith, SaysWhatToDoWhereNoOtherContainerCanBeSeen) {
    if (geteuid() != 0) GTEST_SKIP() << "only root makes a PID namespace of its own";
    Process daemon(
        {"unshare", "--pid", "--fork", "--kill-child", "--mount-proc", pilotfish(), "run"},
        {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}, {"PILOTFISH_EXIT_WITH", "nginx"}}});
    daemon.wait_error_line("shareProcessNamespace: true");
    for (const pid_t child : children_of(daemon.pid())) kill(child, SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ExitWith, RefusesAPath) {
    const Outcome outcome = run({pilotfish(), "run"}, {.env = {{"PILOTFISH_EXIT_WITH", "/bin/x"}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("PILOTFISH_EXIT_WITH"), std::string::npos) << outcome.err;
}

TEST_F(ExitWith, ASidecarWithoutWorkersEndsAtOnce) {
    Process daemon({pilotfish(), "run"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}}});
    daemon.wait_error_line("pilotfish");
    const auto begin = std::chrono::steady_clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "nothing was there to wait for";
}

// In a shared PID namespace PID 1 is another: orphans of other containers are its own.
TEST_F(ExitWith, ASidecarAdoptsNobodysOrphansButItsOwn) {
    Process daemon(
        {pilotfish(), "run"},
        {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"},
                 {"PILOTFISH_WORKERS", "web"},
                 {"PILOTFISH_WORKER_WEB_COMMAND",
                  R"(["sh","-c","(sh -c 'echo mine $$; exec sleep 1000' &); exec sleep 1000"])"}}});
    const std::string line = daemon.wait_line("mine ");
    const pid_t own = std::stoi(line.substr(line.find("mine ") + 5));
    const auto parent_of = [](pid_t pid) { return status_field(pid, "PPid"); };
    EXPECT_TRUE(eventually([&] { return parent_of(own) == std::to_string(daemon.pid()); }));
    Process foreign({"sh", "-c", "(sh -c 'echo other $$; exec sleep 1000' &)"});
    const pid_t other = std::stoi(foreign.wait_line("other ").substr(6));
    EXPECT_TRUE(eventually([&] { return parent_of(other) == std::to_string(getpid()); }));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_FALSE(exists(own));
    EXPECT_TRUE(exists(other)) << "it was not ours to end";
    kill(other, SIGKILL);
    waitpid(other, nullptr, 0);
    foreign.wait();
}

TEST_F(ExitWith, AJobsStatusIsItsCommandsAlsoWhenItLeavesChildrenBehind) {
    EXPECT_EQ(run(entrypoint({"sh", "-c", "sleep 1000 & exit 0"})).end, exited(0));
    EXPECT_EQ(run(entrypoint({"sh", "-c", "sleep 1000 & exit 9"})).end, exited(9));
    EXPECT_EQ(run(entrypoint({"sh", "-c", "kill -SEGV $$"})).end, exited(128 + SIGSEGV));
    // Deleted while it runs: what the command made of the signal.
    Process graceful(
        entrypoint({"bash", "-c", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.02; done"}));
    graceful.wait_line("ready");
    graceful.signal(SIGTERM);
    EXPECT_EQ(graceful.wait(), exited(0));
    Process abrupt(entrypoint({"sh", "-c", "echo ready; exec sleep 1000"}));
    abrupt.wait_line("ready");
    abrupt.signal(SIGTERM);
    EXPECT_EQ(abrupt.wait(), exited(128 + SIGTERM));
}

}  // namespace
}  // namespace pilotfish::e2e
