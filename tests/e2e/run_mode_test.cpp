// `pilotfish run`: several workers from the environment, their restarts, their logs, their end.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <sstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class RunMode : public EndToEnd {};

using Environment = std::map<std::string, std::string>;

std::vector<std::string> run_command() { return {pilotfish(), "run"}; }

// A worker's command as a JSON array, so that nothing needs quoting twice.
std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

TEST_F(RunMode, StartsEveryWorkerAndPrefixesItsLines) {
    Process daemon(
        run_command(),
        {.env = {{"PILOTFISH_WORKERS", "web,db"},
                 {"PILOTFISH_WORKER_WEB_COMMAND", shell("echo hello from web; sleep 1000")},
                 {"PILOTFISH_WORKER_DB_COMMAND", shell("echo hello from db; sleep 1000")}}});
    std::string lines =
        daemon.wait_line("hello from") + "\n" + daemon.wait_line("hello from") + "\n";
    for (const std::string name : {"web", "db"}) {
        const std::size_t text = lines.find("hello from " + name);
        ASSERT_NE(text, std::string::npos) << lines;
        const std::size_t start = text == 0 ? 0 : lines.rfind('\n', text) + 1;
        EXPECT_NE(lines.substr(start, text - start).find(name), std::string::npos) << lines;
    }
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0)) << "a requested stop is no failure";
}

TEST_F(RunMode, RestartsAWorkerThatEndsLaterEachTime) {
    const tests::TempDir dir;
    Process daemon(
        run_command(),
        {.env = {{"PILOTFISH_WORKERS", "web"},
                 {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "20ms"},
                 {"PILOTFISH_WORKER_WEB_COMMAND",
                  shell("date +%s%N >> " + dir.path() + "/starts; echo started; exit 1")}}});
    for (int i = 0; i < 6; ++i) daemon.wait_line("started");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    std::vector<long long> starts;
    std::istringstream lines(tests::read_file(dir.path() + "/starts"));
    for (long long when; lines >> when;) starts.push_back(when);
    ASSERT_GE(starts.size(), 6u);
    // Doubled four times and jittered, the fifth wait is longer than the first whatever the dice
    // say.
    EXPECT_GT(starts[5] - starts[4], starts[1] - starts[0]);
}

TEST_F(RunMode, EndsWithTheCodeOfTheFirstCriticalWorkerToEnd) {
    Process daemon(run_command(), {.env = {{"PILOTFISH_WORKERS", "web,side"},
                                           {"PILOTFISH_WORKER_WEB_COMMAND", shell("exit 6")},
                                           {"PILOTFISH_WORKER_WEB_RESTART", "never"},
                                           {"PILOTFISH_WORKER_WEB_CRITICAL", "true"},
                                           {"PILOTFISH_WORKER_SIDE_COMMAND", "sleep 1000"}}});
    EXPECT_EQ(daemon.wait(), exited(6));
}

TEST_F(RunMode, EndsWithTheCodeOfTheFirstThatFailedWhenAllHaveEnded) {
    const Environment once = {{"PILOTFISH_WORKERS", "one,two,three"},
                              {"PILOTFISH_WORKER_ONE_COMMAND", "true"},
                              {"PILOTFISH_WORKER_ONE_RESTART", "never"},
                              {"PILOTFISH_WORKER_TWO_COMMAND", shell("exit 4")},
                              {"PILOTFISH_WORKER_TWO_RESTART", "never"},
                              {"PILOTFISH_WORKER_THREE_COMMAND", "true"},
                              {"PILOTFISH_WORKER_THREE_RESTART", "never"}};
    EXPECT_EQ(run(run_command(), {.env = once}).end, exited(4));
    Environment good = once;
    good["PILOTFISH_WORKER_TWO_COMMAND"] = "true";
    EXPECT_EQ(run(run_command(), {.env = good}).end, exited(0));
}

TEST_F(RunMode, EndsWithMainsCodeWhenMainIsGivenBeside) {
    Process daemon(
        {pilotfish(), "run", "--", "sh", "-c", "exit 9"},
        {.env = {{"PILOTFISH_WORKERS", "side"}, {"PILOTFISH_WORKER_SIDE_COMMAND", "sleep 1000"}}});
    EXPECT_EQ(daemon.wait(), exited(9));
}

TEST_F(RunMode, StopsInTheReverseOfTheOrderOfStart) {
    Process daemon(
        run_command(),
        {.env = {
             {"PILOTFISH_WORKERS", "db,web"},
             {"PILOTFISH_WORKER_WEB_AFTER", "db"},
             {"PILOTFISH_WORKER_DB_COMMAND",
              shell("trap 'echo db told; exit 0' TERM; echo db up; while :; do sleep 0.05; done")},
             {"PILOTFISH_WORKER_WEB_COMMAND",
              shell("trap 'echo web told; sleep 0.2; echo web done; exit 0' TERM; echo web up; "
                    "while :; do sleep 0.05; done")}}});
    daemon.wait_line(" up");  // both start at once: AFTER orders without waiting for readiness
    daemon.wait_line(" up");
    daemon.signal(SIGTERM);
    daemon.wait_line("web told");
    daemon.wait_line("web done");
    daemon.wait_line("db told");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(RunMode, GoesOnWhenTheReaderOfItsLogsStops) {
    const int port = free_port();
    // More than the pipes and every buffer between can hold; the worker must get to its end.
    const tests::TempDir dir;
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                            {"PILOTFISH_WORKERS", "noisy"},
                            {"PILOTFISH_WORKER_NOISY_COMMAND",
                             shell("yes a line of log | head -c 20000000; touch " + dir.path() +
                                   "/through; exec sleep 1000")}}});
    EXPECT_TRUE(eventually([&dir] { return access((dir.path() + "/through").c_str(), F_OK) == 0; }))
        << "a stuck reader stopped the worker";
    EXPECT_EQ(http_get(port, "/livez").status, 200);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(RunMode, GoesOnWhenTheReaderOfADumpStops) {
    // Nobody reads the daemon's standard error here until the end; eight dumps overfill its pipe.
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    fcntl(ends[1], F_SETPIPE_SZ, 4096);
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_WORKERS", "web"},
                            {"PILOTFISH_WORKER_WEB_COMMAND", shell("echo up; exec sleep 1000")}},
                    .in_child = [&ends] { dup2(ends[1], STDERR_FILENO); }});
    daemon.wait_line("up");
    for (int i = 0; i < 8; ++i) daemon.signal(SIGUSR1);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    close(ends[0]);
    close(ends[1]);
}

TEST_F(RunMode, KillsADeafWorkerThatLeftItsGroupWhenItsOwnTimeIsOver) {
    Process daemon(
        run_command(),
        {.env = {{"PILOTFISH_WORKERS", "deaf"},
                 {"PILOTFISH_WORKER_DEAF_STOP_TIMEOUT", "200ms"},
                 {"PILOTFISH_WORKER_DEAF_COMMAND", program("deaf") + " --leave-group"}}});
    daemon.wait_line("deaf");
    const auto asked = std::chrono::steady_clock::now();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    // Its own 200 ms and not the container's 25 s.
    EXPECT_LT(std::chrono::steady_clock::now() - asked, 15s);
}

TEST_F(RunMode, EndsWithTheFailureOfWorkersThatAllEndAtOnce) {
    // The ends come in a crowd; none may be lost in it.
    std::string names;
    Environment environment;
    for (int i = 0; i < 20; ++i) {
        const std::string name = "w" + std::to_string(i);
        names += (i == 0 ? "" : ",") + name;
        const std::string prefix = "PILOTFISH_WORKER_W" + std::to_string(i);
        environment[prefix + "_COMMAND"] = shell("echo up; exit 7");
        environment[prefix + "_RESTART"] = "never";
    }
    environment["PILOTFISH_WORKERS"] = names;
    EXPECT_EQ(run(run_command(), {.env = environment}).end, exited(7));
}

TEST_F(RunMode, WithoutAnyWorkerIsASidecarUntilToldToEnd) {
    const int port = free_port();
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)}}});
    ASSERT_TRUE(eventually([port] { return http_get(port, "/livez").status == 200; }));
    EXPECT_EQ(http_get(port, "/readyz").status, 200);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(RunMode, RefusesAWorkerWithoutACommand) {
    const Outcome outcome = run(run_command(), {.env = {{"PILOTFISH_WORKERS", "web"}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("PILOTFISH_WORKER_WEB_COMMAND"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace pilotfish::e2e
