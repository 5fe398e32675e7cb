// Readiness, liveness and the watchdog of real programs, by the real binary.
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

using Environment = std::map<std::string, std::string>;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

class Health : public EndToEnd {
  protected:
    // One worker "web" of this command; more: its settings by what follows the worker's prefix.
    StartOptions web(const std::string& command, const Environment& more) const {
        Environment env = {{"PILOTFISH_WORKERS", "web"},
                           {"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port_)},
                           {"PILOTFISH_WORKER_WEB_COMMAND", command}};
        for (const auto& [name, value] : more) {
            const bool whole = name.starts_with("PILOTFISH_");
            env[whole ? name : "PILOTFISH_WORKER_WEB_" + name] = value;
        }
        return {.env = env};
    }
    std::string notifier(const std::string& steps) const {
        return program("notifier") + " " + steps;
    }
    bool is_ready() const { return http_get(port_, "/readyz").status == 200; }
    std::string worker() const { return http_get(port_, "/v1/workers/web").body; }
    bool worker_says(const std::string& part) const {
        return eventually([&] { return has(worker(), part); });
    }
    int tries_of(const std::string& check) const {
        const std::string body = worker();
        const std::size_t at = body.find("\"" + check + "\":{");
        const std::size_t tries = body.find("\"tries\":", at);
        if (at == std::string::npos || tries == std::string::npos) return 0;
        return std::stoi(body.substr(tries + 8));
    }
    void stop(Process& daemon) const {
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), exited(0));
    }
    std::vector<std::string> run_command() const { return {pilotfish(), "run"}; }

    // Files that the programs wait for.
    std::string flag(const std::string& name) const { return dir_.path() + "/" + name; }
    void raise_flag(const std::string& name) const { std::ofstream(flag(name)).put('x'); }

    const tests::TempDir dir_;
    const int port_ = free_port();
};

TEST_F(Health, IsReadyOnlyWhenItSaysSo) {
    Process daemon(run_command(), web(notifier("say:STATUS=warming until:" + flag("warm") +
                                               " 'say:READY=1\\nSTATUS=serving'"),
                                      {{"READY", "notify"}}));
    ASSERT_TRUE(worker_says("warming"));
    EXPECT_FALSE(is_ready());
    EXPECT_TRUE(has(http_get(port_, "/readyz").body, "it says: warming"));
    raise_flag("warm");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    EXPECT_TRUE(worker_says("serving"));
    stop(daemon);
}

TEST_F(Health, IsNotReadyWhileItReloadsAndAfterItSaysThatItStops) {
    Process daemon(run_command(),
                   web(notifier("say:READY=1 say:RELOADING=1 barrier until:" + flag("again") +
                                " say:READY=1 until:" + flag("stop") + " say:STOPPING=1 barrier"),
                       {{"READY", "notify"}}));
    daemon.wait_line("barrier passed");
    EXPECT_FALSE(is_ready()) << "it reloads";
    raise_flag("again");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    raise_flag("stop");
    daemon.wait_line("barrier passed");
    EXPECT_FALSE(is_ready()) << "it stops";
    stop(daemon);
}

TEST_F(Health, TakesNoWordFromAnybodyElse) {
    Process daemon(run_command(), web(shell("echo $NOTIFY_SOCKET > " + flag("address") +
                                            "; echo up; exec sleep 1000"),
                                      {{"READY", "notify"}}));
    daemon.wait_line("up");
    std::string address = tests::read_file(flag("address"));
    address.erase(address.find('\n'));
    Process stranger({program("notifier"), "say:READY=1", "barrier"},
                     {.env = {{"NOTIFY_SOCKET", address}}});
    stranger.wait_line("barrier passed");  // so it was read, and refused
    daemon.wait_error_line("is not the worker's");
    EXPECT_FALSE(is_ready());
    stop(daemon);
}

TEST_F(Health, IsReadyByALineOnItsDescriptor) {
    Process daemon(run_command(),
                   web(notifier("until:" + flag("up") + " line:5"), {{"READY", "fd:5"}}));
    EXPECT_TRUE(worker_says("\"state\":\"running\""));
    EXPECT_FALSE(is_ready());
    raise_flag("up");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    stop(daemon);
}

TEST_F(Health, EndsWhatCanNeverSayThatItIsReady) {
    Process daemon(run_command(), web(shell("exec 5>&-; exec sleep 1000"),
                                      {{"READY", "fd:5"}, {"RESTART_DELAY", "20s"}}));
    daemon.wait_error_line("will never be ready: it closed descriptor 5");
    EXPECT_TRUE(worker_says("\"not_ready\":1"));
    stop(daemon);
}

TEST_F(Health, IsReadyByALineOfItsLog) {
    Process daemon(run_command(), web(shell("echo starting; until test -e " + flag("up") +
                                            "; do sleep 0.02; done; echo listening on 8080; "
                                            "exec sleep 1000"),
                                      {{"READY", "log:^listening on .*[0-9]$"}}));
    daemon.wait_line("starting");
    EXPECT_FALSE(is_ready());
    raise_flag("up");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    stop(daemon);
}

TEST_F(Health, ShowsWhatTheCommandThatAsksHasWritten) {
    Process daemon(
        run_command(),
        web("sleep 1000", {{"READY", "exec:" + shell("echo no flag yet; test -e " + flag("up"))},
                           {"READY_INTERVAL", "50ms"}}));
    EXPECT_TRUE(worker_says("no flag yet"));
    EXPECT_TRUE(has(http_get(port_, "/readyz").body, "ready: exited with code 1"));
    EXPECT_TRUE(has(http_get(port_, "/metrics").body,
                    "pilotfish_worker_probe_failures_total{worker=\"web\",probe=\"ready\"}"));
    raise_flag("up");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    stop(daemon);
}

TEST_F(Health, RestartsWhatIsNotReadyInTimeAndSaysWhatItWasDoing) {
    Process daemon(run_command(), web("sleep 1000", {{"READY", "tcp:127.0.0.1:1"},
                                                     {"READY_TIMEOUT", "300ms"},
                                                     {"RESTART_DELAY", "20s"}}));
    daemon.wait_error_line("is not ready after 300 ms");
    daemon.wait_error_line("was seen: process");
    EXPECT_TRUE(worker_says("\"not_ready\":1"));
    EXPECT_TRUE(worker_says("\"reason\":\"unhealthy\""));
    EXPECT_TRUE(has(http_get(port_, "/v1/events").body, "\"unhealthy\""));
    stop(daemon);
}

TEST_F(Health, GivesTheTimeThatIsAskedForAtTheStartAndAtTheEnd) {
    Process daemon(
        run_command(),
        web(notifier("stop:4000 say:EXTEND_TIMEOUT_USEC=20000000 pause:3000 say:READY=1"),
            {{"READY", "notify"}, {"READY_TIMEOUT", "2s"}, {"STOP_TIMEOUT", "1s"}}));
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    EXPECT_TRUE(has(worker(), "\"starts\":1,")) << "it was restarted all the same";
    daemon.signal(SIGTERM);
    daemon.wait_line("stopped late");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Health, RestartsByTheWatchdogWithEvidenceAndAbort) {
    Process daemon(run_command(),
                   web(notifier("env say:READY=1 say:WATCHDOG=1"),
                       {{"READY", "notify"}, {"WATCHDOG", "1s"}, {"RESTART_DELAY", "20s"}}));
    daemon.wait_line("usec 1000000, pid ours");
    daemon.wait_error_line("did not say WATCHDOG=1 for 1.0 s");
    daemon.wait_error_line("was seen: process");
    EXPECT_TRUE(worker_says("\"watchdog\":1"));
    EXPECT_TRUE(worker_says("SIGABRT"));
    stop(daemon);
}

TEST_F(Health, LeavesAloneWhoSaysThatItIsAlive) {
    Process daemon(run_command(), web(notifier("say:READY=1 alive:100"),
                                      {{"READY", "notify"}, {"WATCHDOG", "3s"}}));
    // Longer than the watchdog.
    EXPECT_TRUE(eventually([&] { return tries_of("watchdog") > 40; }));
    EXPECT_TRUE(has(worker(), "\"starts\":1,"));
    stop(daemon);
}

TEST_F(Health, RestartsWhatFailsItsLivenessAndTellsLivez) {
    raise_flag("alive");
    Process daemon(
        run_command(),
        web("sleep 1000", {{"LIVENESS", "exec:" + shell("echo asked; test -e " + flag("alive"))},
                           {"LIVENESS_INTERVAL", "100ms"},
                           {"LIVENESS_TIMEOUT", "5s"},
                           {"LIVENESS_FAILURES", "2"},
                           {"LIVEZ", "true"},
                           {"STOP_TIMEOUT", "500ms"},
                           {"RESTART_DELAY", "1s"}}));
    EXPECT_TRUE(worker_says("\"liveness\":{\"ok\":true"));
    EXPECT_EQ(http_get(port_, "/livez").status, 200);
    unlink(flag("alive").c_str());
    daemon.wait_error_line("failed its LIVENESS 2 times in a row");
    daemon.wait_error_line("was answered: asked");
    EXPECT_TRUE(worker_says("\"liveness\":1"));
    EXPECT_EQ(http_get(port_, "/livez").status, 503);
    raise_flag("alive");
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/livez").status == 200; }));
    // The time that the first run was given to end is not the second one's.
    const int tries = tries_of("liveness");
    EXPECT_TRUE(eventually([&] { return tries_of("liveness") > tries + 8; }));
    EXPECT_TRUE(has(worker(), "\"starts\":2,")) << worker();
    stop(daemon);
}

TEST_F(Health, OneThatAUserStoppedDoesNotKeepLivezDown) {
    Process daemon(run_command(), web("sleep 1000", {{"LIVENESS", "exec:false"},
                                                     {"LIVENESS_INTERVAL", "50ms"},
                                                     {"LIVENESS_FAILURES", "1"},
                                                     {"LIVEZ", "true"},
                                                     {"RESTART_DELAY", "20s"},
                                                     {"PILOTFISH_CONTROL_SOCKET", flag("s")}}));
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/livez").status == 503; }));
    const Outcome stopped =
        run({pilotfish(), "stop", "web"}, {.env = {{"PILOTFISH_CONTROL_SOCKET", flag("s")}}});
    EXPECT_EQ(stopped.end, exited(0)) << stopped.err;
    EXPECT_EQ(http_get(port_, "/livez").status, 200);
    stop(daemon);
}

TEST_F(Health, KillsAProbeThatHangsWithAllThatItStarted) {
    Process daemon(run_command(),
                   web("sleep 1000", {{"LIVENESS", "exec:" + shell("sleep 7777 & sleep 7777")},
                                      {"LIVENESS_INTERVAL", "50ms"},
                                      {"LIVENESS_TIMEOUT", "200ms"},
                                      {"LIVENESS_FAILURES", "1"},
                                      {"RESTART_DELAY", "20s"}}));
    daemon.wait_error_line("did not end in time");
    EXPECT_TRUE(worker_says("\"state\":\"backoff\""));
    EXPECT_TRUE(eventually([&] { return children_of(daemon.pid()).empty(); }));
    stop(daemon);
}

TEST_F(Health, FollowsAnHttpAnswer) {
    const int served = free_port();
    const std::string where = "http://127.0.0.1:" + std::to_string(served) + "/readyz";
    // Another pilotfish is a server that turns 503 and 200 by a flag of ours.
    Process daemon(run_command(),
                   web("[\"" + pilotfish() + "\",\"run\"]",
                       {{"READY", where},
                        {"READY_INTERVAL", "50ms"},
                        {"ENV_PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(served)},
                        {"ENV_PILOTFISH_WORKERS", "inner"},
                        {"ENV_PILOTFISH_WORKER_INNER_COMMAND", "sleep 1000"},
                        {"ENV_PILOTFISH_WORKER_INNER_READY", "exec:test -e " + flag("up")}}));
    EXPECT_TRUE(worker_says("answered 503"));
    EXPECT_FALSE(is_ready());
    raise_flag("up");
    EXPECT_TRUE(eventually([&] { return is_ready(); }));
    stop(daemon);
}

}  // namespace
}  // namespace pilotfish::e2e
