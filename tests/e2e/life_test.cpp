// Oneshots, NEEDS, restart limits and budgets, instances and cron workers, in the real binary.
#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class Life : public EndToEnd {};

using Environment = std::map<std::string, std::string>;

std::vector<std::string> run_command() { return {pilotfish(), "run"}; }
std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
std::string json_state(const std::string& state) { return R"("state":")" + state + '"'; }

TEST_F(Life, AServiceThatNeedsAOneshotStartsWhenThatHasEndedWell) {
    const tests::TempDir dir;
    Process daemon(
        run_command(),
        {.env = {{"PILOTFISH_WORKERS", "web,migrate"},
                 {"PILOTFISH_WORKER_MIGRATE_KIND", "oneshot"},
                 {"PILOTFISH_WORKER_MIGRATE_RESTART_DELAY", "10ms"},
                 // It fails twice: a oneshot is tried again until it has ended well.
                 {"PILOTFISH_WORKER_MIGRATE_COMMAND",
                  shell("echo x >> " + dir.path() + "/tries; sleep 0.1; [ $(wc -l < " + dir.path() +
                        "/tries) = 3 ]")},
                 {"PILOTFISH_WORKER_WEB_NEEDS", "migrate"},
                 {"PILOTFISH_WORKER_WEB_COMMAND",
                  shell("echo after $(wc -l < " + dir.path() + "/tries) tries; sleep 1000")}}});
    daemon.wait_line("after 3 tries");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Life, AOneshotThatFailsForGoodFailsThoseThatNeedIt) {
    const Outcome outcome =
        run(run_command(), {.env = {{"PILOTFISH_WORKERS", "web,migrate"},
                                    {"PILOTFISH_WORKER_MIGRATE_KIND", "oneshot"},
                                    {"PILOTFISH_WORKER_MIGRATE_RESTART", "never"},
                                    {"PILOTFISH_WORKER_MIGRATE_COMMAND", shell("exit 5")},
                                    {"PILOTFISH_WORKER_WEB_NEEDS", "migrate"},
                                    {"PILOTFISH_WORKER_WEB_CRITICAL", "true"},
                                    {"PILOTFISH_WORKER_WEB_COMMAND", "sleep 1000"}}});
    EXPECT_EQ(outcome.end, exited(5));
    EXPECT_TRUE(has(outcome.err, "web: cannot start: it needs migrate, which exited with code 5"))
        << outcome.err;
}

TEST_F(Life, ACommandThatIsNotThereYetIsTriedAgain) {
    const tests::TempDir dir;
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_WORKERS", "late"},
                            {"PILOTFISH_WORKER_LATE_RESTART_DELAY", "10ms"},
                            {"PILOTFISH_WORKER_LATE_COMMAND", dir.path() + "/late"}}});
    daemon.wait_error_line("next try in");
    dir.write("made", "#!/bin/sh\necho here; exec sleep 1000\n");
    const std::string make =
        "chmod +x " + dir.path() + "/made; mv " + dir.path() + "/made " + dir.path() + "/late";
    EXPECT_EQ(run({"sh", "-c", make}).end, exited(0));
    daemon.wait_line("here");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Life, MoreRestartsThanTheLimitEndTheContainerAsAFailure) {
    const Outcome outcome =
        run(run_command(), {.env = {{"PILOTFISH_WORKERS", "web"},
                                    {"PILOTFISH_WORKER_WEB_COMMAND", shell("echo run; exit 7")},
                                    {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "1ms"},
                                    {"PILOTFISH_WORKER_WEB_RESTART_LIMIT", "3/1m"}}});
    EXPECT_EQ(outcome.end, exited(7));
    std::size_t runs = 0;
    for (std::size_t at = outcome.out.find("run"); at != std::string::npos;
         at = outcome.out.find("run", at + 1))
        ++runs;
    EXPECT_EQ(runs, 4u) << outcome.out;
    EXPECT_TRUE(has(outcome.err, "RESTART_LIMIT")) << outcome.err;
}

TEST_F(Life, TheBudgetThrottlesAndFailsNobody) {
    const int port = free_port();
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                            {"PILOTFISH_WORKERS", "web"},
                            {"PILOTFISH_RESTART_BUDGET", "2/1h"},
                            {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "1ms"},
                            {"PILOTFISH_WORKER_WEB_COMMAND", "false"}}});
    daemon.wait_error_line("is held back by PILOTFISH_RESTART_BUDGET");
    const std::string view = http_get(port, "/v1/workers/web").body;
    EXPECT_TRUE(has(view, json_state("backoff"))) << view;
    EXPECT_TRUE(has(view, R"("starts":3)")) << view;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Life, InstancesHaveOneDeclarationAndNamesOfTheirOwn) {
    const int port = free_port();
    Process daemon(
        run_command(),
        {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                 {"PILOTFISH_WORKERS", "web,last"},
                 {"PILOTFISH_WORKER_WEB_INSTANCES", "3"},
                 {"PILOTFISH_WORKER_WEB_COMMAND",
                  shell("echo $PILOTFISH_WORKER number $PILOTFISH_INSTANCE; sleep 1000")},
                 {"PILOTFISH_WORKER_LAST_NEEDS", "web"},
                 {"PILOTFISH_WORKER_LAST_COMMAND", shell("echo last; sleep 1000")}}});
    daemon.wait_line("last");
    EXPECT_TRUE(eventually([&] {
        const std::string view = http_get(port, "/v1/workers").body;
        return has(view, R"("name":"web@1")") && has(view, R"("name":"web@3")") &&
               http_get(port, "/readyz").status == 200;
    }));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    for (const std::string line : {"web number 1", "web number 2", "web number 3"})
        EXPECT_TRUE(has(daemon.out(), line)) << daemon.out();
}

TEST_F(Life, ACronWorkerRunsAgainAndAgainAndKeepsTheContainer) {
    const int port = free_port();
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                            {"PILOTFISH_WORKERS", "job,once"},
                            {"PILOTFISH_WORKER_JOB_KIND", "cron"},
                            {"PILOTFISH_WORKER_JOB_SCHEDULE", "@every 200ms"},
                            {"PILOTFISH_WORKER_JOB_COMMAND", shell("echo ran; exit 1")},
                            {"PILOTFISH_WORKER_ONCE_KIND", "oneshot"},
                            {"PILOTFISH_WORKER_ONCE_COMMAND", "true"}}});
    for (int i = 0; i < 3; ++i) daemon.wait_line("ran");
    EXPECT_EQ(http_get(port, "/readyz").status, 200) << "a cron worker holds nothing back";
    const std::string view = http_get(port, "/v1/workers/job").body;
    EXPECT_TRUE(has(view, R"("schedule":"@every 200ms")")) << view;
    EXPECT_TRUE(has(http_get(port, "/v1/workers/once").body, json_state("finished")));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Life, TheAdminPlaneAnswersBeforeTheFirstRunOfACronWorker) {
    const int port = free_port();
    Process daemon(run_command(),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                            {"PILOTFISH_WORKERS", "job"},
                            {"PILOTFISH_WORKER_JOB_KIND", "cron"},
                            {"PILOTFISH_WORKER_JOB_SCHEDULE", "0 0 1 1 *"},
                            {"PILOTFISH_WORKER_JOB_COMMAND", "true"}}});
    EXPECT_TRUE(eventually(
        [&] { return has(http_get(port, "/v1/workers/job").body, json_state("waiting")); }));
    EXPECT_FALSE(has(http_get(port, "/v1/workers/job").body, R"("next_try_seconds":null)"));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Life, AZoneThatTheImageDoesNotHaveStopsTheStart) {
    const Environment environment = {{"PILOTFISH_WORKERS", "job"},
                                     {"TZDIR", "/nonexistent"},
                                     {"PILOTFISH_WORKER_JOB_KIND", "cron"},
                                     {"PILOTFISH_WORKER_JOB_SCHEDULE", "CRON_TZ=Mars/Base @daily"},
                                     {"PILOTFISH_WORKER_JOB_COMMAND", "true"}};
    for (const std::string command : {"run", "check"}) {
        const Outcome outcome = run({pilotfish(), command}, {.env = environment});
        EXPECT_EQ(outcome.end, exited(2)) << command;
        EXPECT_TRUE(has(outcome.err, "/nonexistent/Mars/Base")) << outcome.err;
    }
}

}  // namespace
}  // namespace pilotfish::e2e
