// What an upgrade in place takes along of the workers' health, logs and orders, and how a client
// asks for one.
#include <sys/stat.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

class UpgradeState : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        fs::copy_file(pilotfish(), binary());
    }
    std::string binary() const { return dir_.path() + "/pilotfish"; }
    std::string file(const std::string& name) const { return dir_.path() + "/" + name; }
    // One worker "web"; more: its settings by what follows its prefix, or by their whole name.
    StartOptions web(const std::string& command, const Environment& more = {}) const {
        Environment env = {{"PILOTFISH_WORKERS", "web"},
                           {"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port_)},
                           {"PILOTFISH_CONTROL_SOCKET", file("control.sock")},
                           {"PILOTFISH_WORKER_WEB_COMMAND", command}};
        for (const auto& [name, value] : more) {
            const bool whole = name.starts_with("PILOTFISH_");
            env[whole ? name : "PILOTFISH_WORKER_WEB_" + name] = value;
        }
        return {.env = env};
    }
    Outcome ask(std::vector<std::string> words) const {
        words.insert(words.begin(), pilotfish());
        return run(words, {.env = {{"PILOTFISH_CONTROL_SOCKET", file("control.sock")}}});
    }
    // The server, too, goes on.
    void upgrade(Process& daemon) const {
        daemon.signal(SIGUSR2);
        daemon.wait_error_line("upgraded in place");
        ASSERT_TRUE(eventually([&] { return http_get(port_, "/livez").status > 0; }));
    }
    std::string worker() const { return http_get(port_, "/v1/workers/web").body; }
    bool worker_says(const std::string& part) const {
        return eventually([&] { return has(worker(), part); });
    }
    void stop(Process& daemon) const {
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), exited(0)) << daemon.err();
    }

    const tests::TempDir dir_;
    const int port_ = free_port();
};

TEST_F(UpgradeState, AReadyWorkerStaysReadyAndItsWatchdogGoesOn) {
    Process daemon({binary(), "run"},
                   web(program("notifier") + " say:STATUS=serving say:READY=1 alive:20",
                       {{"READY", "notify"}, {"WATCHDOG", "2s"}}));
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 200; }));
    const pid_t web_pid = children_of(daemon.pid()).front();
    upgrade(daemon);
    EXPECT_EQ(http_get(port_, "/readyz").status, 200) << worker();
    EXPECT_TRUE(has(worker(), "serving")) << worker();
    kill(web_pid, SIGSTOP);  // it is silent from now on
    daemon.wait_error_line("did not say WATCHDOG=1 for 2.0 s");
    EXPECT_TRUE(worker_says("\"watchdog\":1"));
    stop(daemon);
}

// What is said in the pause waits in the socket.
TEST_F(UpgradeState, AWorkerThatWaitsIsHeardByTheNextImage) {
    Process daemon(
        {binary(), "run"},
        web(program("notifier") + " until:" + file("go") + " say:READY=1", {{"READY", "notify"}}));
    EXPECT_TRUE(worker_says("\"running\""));
    upgrade(daemon);
    EXPECT_NE(http_get(port_, "/readyz").status, 200);
    std::ofstream(file("go")).put('x');
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 200; })) << worker();
    stop(daemon);
}

TEST_F(UpgradeState, ADescriptorThatTellsReadinessIsReadOn) {
    Process daemon({binary(), "run"}, web(program("notifier") + " until:" + file("go") + " line:3",
                                          {{"READY", "fd:3"}}));
    EXPECT_TRUE(worker_says("\"running\""));
    upgrade(daemon);
    std::ofstream(file("go")).put('x');
    EXPECT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 200; })) << worker();
    stop(daemon);
}

TEST_F(UpgradeState, TheLastLinesKeepTheirCursors) {
    Process daemon(
        {binary(), "run"},
        web(shell("for i in 1 2 3; do echo line $i; done; printf half; until [ -e " + file("go") +
                  " ]; do sleep 0.01; done; echo ' and half'; "
                  "exec sleep 1000"),
            {{"LOG", "tee"}}));
    // Without the sizes of its chunks.
    const auto lines = [&] {
        const std::string body = http_get(port_, "/v1/workers/web/logs?tail=10").body;
        const std::size_t begin = body.find('{');
        return begin == body.npos ? "" : body.substr(begin, body.rfind('}') + 1 - begin);
    };
    ASSERT_TRUE(eventually([&] { return has(lines(), "line 3"); }));
    const std::string before = lines();
    upgrade(daemon);
    EXPECT_EQ(lines(), before);
    std::ofstream(file("go")).put('x');
    EXPECT_TRUE(eventually([&] { return has(lines(), "half and half"); })) << lines();
    EXPECT_TRUE(lines().starts_with(before)) << "cursors or times are others: " << lines();
    stop(daemon);
}

TEST_F(UpgradeState, AFileHasEveryLine) {
    Process daemon({binary(), "run"},
                   web(program("ticker") + " a", {{"LOG", "file:" + file("log")}}));
    const auto content = [&] {
        return fs::exists(file("log")) ? tests::read_file(file("log")) : std::string();
    };
    ASSERT_TRUE(eventually([&] { return has(content(), "a 20\n"); }));
    for (int i = 0; i < 3; ++i) upgrade(daemon);
    ASSERT_TRUE(eventually([&] { return has(content(), "a 200\n"); }));
    stop(daemon);
    std::string expected;
    for (int number = 1; number <= 200; ++number) expected += "a " + std::to_string(number) + "\n";
    EXPECT_TRUE(content().starts_with(expected)) << content();
}

TEST_F(UpgradeState, WhoWasStoppedStaysSoAndCanBeStarted) {
    Process daemon({binary(), "run"}, web(shell("echo up; exec sleep 1000"),
                                          {{"PILOTFISH_WORKERS", "web,other"},
                                           {"PILOTFISH_WORKER_OTHER_COMMAND", "sleep 1000"}}));
    daemon.wait_line("up");
    ASSERT_TRUE(eventually([&] { return ask({"stop", "web"}).end == exited(0); }));
    EXPECT_TRUE(worker_says("\"finished\""));
    upgrade(daemon);
    EXPECT_TRUE(has(worker(), "\"finished\"")) << worker();
    EXPECT_EQ(ask({"start", "web"}).end, exited(0));
    daemon.wait_line("up");
    stop(daemon);
}

TEST_F(UpgradeState, AHookIsWaitedForAndRunsOnce) {
    Process daemon({binary(), "run"},
                   web("sleep 1000", {{"POST_STOP", shell("echo hook; until [ -e " + file("go") +
                                                          " ]; do sleep 0.01; done; echo done")},
                                      {"RESTART_DELAY", "10ms"}}));
    EXPECT_TRUE(worker_says("\"ready\""));
    kill(children_of(daemon.pid()).front(), SIGKILL);
    daemon.wait_line("hook");
    daemon.signal(SIGUSR2);
    daemon.wait_error_line("upgrading to");
    std::ofstream(file("go")).put('x');
    daemon.wait_error_line("upgraded in place");
    EXPECT_TRUE(worker_says("\"ready\""));
    // The image after runs it for a process that the one before has started.
    kill(children_of(daemon.pid()).front(), SIGKILL);
    daemon.wait_line("hook");
    stop(daemon);
}

TEST_F(UpgradeState, AClientAsksForOne) {
    Process daemon({binary(), "run"}, web(shell("echo up; exec sleep 1000")));
    daemon.wait_line("up");
    ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    const auto before = children_of(daemon.pid());
    const Outcome begun = ask({"upgrade"});
    EXPECT_EQ(begun.end, exited(0)) << begun.err;
    EXPECT_TRUE(has(begun.out, "begun")) << begun.out;
    daemon.wait_error_line("upgraded in place");
    EXPECT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }))
        << "the control socket is gone";
    EXPECT_EQ(children_of(daemon.pid()), before);
    std::ofstream(binary() + ".new") << "#!/bin/sh\necho not me\n";
    chmod((binary() + ".new").c_str(), 0755);
    fs::rename(binary() + ".new", binary());
    const Outcome refused = ask({"upgrade"});
    EXPECT_EQ(refused.end, exited(1));
    EXPECT_TRUE(has(refused.err, "going on as before: not me")) << refused.err;
    EXPECT_EQ(children_of(daemon.pid()), before);
    stop(daemon);
}

}  // namespace
}  // namespace pilotfish::e2e
