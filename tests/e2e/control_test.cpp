// The client commands against the real daemon: what they show, what they change, who may, and what
// they say when nobody is there.
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

using Environment = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// What stands behind "key": in one worker's part of the JSON.
std::string value_of(const std::string& json, const std::string& worker, const std::string& key) {
    const std::size_t from = json.find("\"name\": \"" + worker + "\"");
    const std::size_t at = json.find("\"" + key + "\": ", from);
    if (from == std::string::npos || at == std::string::npos) return {};
    const std::size_t begin = at + key.size() + 4;
    return json.substr(begin, json.find_first_of(",\n", begin) - begin);
}

class Control : public EndToEnd {
  protected:
    Environment two_workers(Environment more = {}) const {
        Environment environment = {
            {"PILOTFISH_ADMIN_LISTEN", "off"},
            {"PILOTFISH_CONTROL_SOCKET", socket_},
            {"PILOTFISH_WORKERS", "web,db"},
            {"PILOTFISH_WORKER_WEB_COMMAND",
             shell("trap 'echo told HUP' HUP; echo web up; while :; do sleep 0.05; done")},
            {"PILOTFISH_WORKER_DB_COMMAND", shell("echo db up; exec sleep 1000")}};
        for (const auto& [name, value] : more) environment[name] = value;
        return environment;
    }
    void await_both(Process& daemon) {
        daemon.wait_line(" up");
        daemon.wait_line(" up");
        // The server starts beside the first worker.
        ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    }
    Outcome ask(Words words, const StartOptions& options = {}) const {
        words.insert(words.begin(), pilotfish());
        StartOptions with = options;
        with.env.emplace("PILOTFISH_CONTROL_SOCKET", socket_);
        return run(words, with);
    }
    std::string pid_of(const std::string& worker) const {
        return value_of(ask({"status", "--json"}).out, worker, "pid");
    }

    tests::TempDir dir_;
    const std::string socket_ = dir_.path() + "/control.sock";
};

TEST_F(Control, StatusShowsTheWorkersForPeopleAndPrograms) {
    Process daemon({pilotfish(), "run"}, {.env = two_workers()});
    await_both(daemon);
    const Outcome table = ask({"status"});
    EXPECT_TRUE(table.out.starts_with("NAME")) << table.out;
    EXPECT_TRUE(has(table.out, "\nweb ") && has(table.out, "\ndb ")) << table.out;
    EXPECT_FALSE(has(table.out, "\x1b")) << "a pipe is no terminal";
    const Outcome one = ask({"status", "db", "--json"});
    EXPECT_EQ(one.end, exited(0));
    EXPECT_FALSE(has(one.out, "\"web\"")) << one.out;
    for (const char* key :
         {"name", "kind", "state", "up", "ready", "critical", "pid", "uptime_seconds", "starts",
          "restarts", "exit", "next_try_seconds", "health", "cpu_seconds", "resident_bytes"})
        EXPECT_TRUE(has(one.out, "\"" + std::string(key) + "\": ")) << key;
    EXPECT_EQ(value_of(one.out, "db", "state"), "\"ready\"");
    const Outcome none = ask({"status", "dbx"});
    EXPECT_EQ(none.end, exited(1));
    EXPECT_TRUE(has(none.err, "there is no worker called dbx")) << none.err;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_NE(access(socket_.c_str(), F_OK), 0) << "the socket's file goes with the daemon";
}

TEST_F(Control, AnEntrypointThatStartsOnceIsNotRestarted) {
    Process daemon(
        {pilotfish(), "--", "sleep", "1000"},
        {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}, {"PILOTFISH_CONTROL_SOCKET", socket_}}});
    ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    const std::string pid = pid_of("main");
    const Outcome refused = ask({"restart", "main"});
    EXPECT_EQ(refused.end, exited(1));
    EXPECT_TRUE(has(refused.err, "PILOTFISH_WORKER_MAIN_RESTART=on-failure")) << refused.err;
    EXPECT_EQ(pid_of("main"), pid);
    daemon.signal(SIGTERM);
    daemon.wait();
}

// A migration may take minutes: somebody answers meanwhile, and main still starts where it should.
TEST_F(Control, IsServedWhileThePreStartOfTheEntrypointRuns) {
    const std::string go = dir_.path() + "/go";
    Process daemon({pilotfish(), "--", "sh", "-c", "pwd; exec sleep 1000"},
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"},
                            {"PILOTFISH_CONTROL_SOCKET", socket_},
                            {"PILOTFISH_WORKER_MAIN_PRE_START",
                             shell("until test -e " + go + "; do sleep 0.01; done")}}});
    EXPECT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    EXPECT_EQ(value_of(ask({"status", "--json"}).out, "main", "state"), "\"starting\"");
    const std::string here = std::filesystem::current_path().string();
    std::ofstream(go) << "1";
    daemon.wait_line(here);
    EXPECT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    daemon.signal(SIGTERM);
    daemon.wait();
}

TEST_F(Control, RestartAndStopReallyChangeProcesses) {
    Process daemon({pilotfish(), "run"}, {.env = two_workers()});
    await_both(daemon);
    const std::string web = pid_of("web");
    const std::string db = pid_of("db");
    const Outcome restarted = ask({"restart", "db", "--wait", "20s"});
    EXPECT_EQ(restarted.end, exited(0)) << restarted.err;
    EXPECT_TRUE(has(restarted.out, "db: ready, process ")) << restarted.out;
    EXPECT_NE(pid_of("db"), db);
    EXPECT_FALSE(exists(std::stoi(db)));
    EXPECT_EQ(pid_of("web"), web) << "nobody else was touched";

    const Outcome stopped = ask({"stop", "db", "--wait", "20s"});
    EXPECT_EQ(stopped.end, exited(0)) << stopped.err;
    EXPECT_TRUE(has(stopped.out, "db: finished")) << stopped.out;
    EXPECT_EQ(pid_of("db"), "null");
    EXPECT_EQ(pid_of("web"), web) << "it was stopped, not the container";

    const Outcome events = ask({"events"});
    EXPECT_TRUE(has(events.out, "control   db: restart, asked by uid ")) << events.out;
    EXPECT_TRUE(has(events.out, "control   db: stop, asked by uid ")) << events.out;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, WaitsNoLongerThanItIsTold) {
    Process daemon({pilotfish(), "run"},
                   {.env = two_workers({{"PILOTFISH_WORKER_DB_STOP_TIMEOUT", "500ms"},
                                        {"PILOTFISH_WORKER_DB_COMMAND",
                                         shell("trap '' TERM; echo db up; while :; do sleep 0.05; "
                                               "done")}})});
    await_both(daemon);
    const Outcome stopped = ask({"stop", "db", "--wait", "100ms"});
    EXPECT_EQ(stopped.end, exited(1));
    EXPECT_TRUE(has(stopped.out, "db: stopping")) << stopped.out;
    EXPECT_TRUE(has(stopped.err, "cannot stop db within 100 ms")) << stopped.err;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, SignalReachesTheProcess) {
    Process daemon({pilotfish(), "run"}, {.env = two_workers()});
    await_both(daemon);
    EXPECT_EQ(ask({"signal", "HUP", "web"}).end, exited(0));
    daemon.wait_line("told HUP");
    const Outcome unknown = ask({"signal", "HUP", "wbe"});
    EXPECT_EQ(unknown.end, exited(1));
    EXPECT_TRUE(has(unknown.err, "did you mean web?")) << unknown.err;
    EXPECT_EQ(ask({"signal", "NOSUCH", "web"}).end, exited(2));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, ShutdownEndsTheContainerWithTheModesCode) {
    {
        Process daemon({pilotfish(), "run"}, {.env = two_workers()});
        await_both(daemon);
        const Outcome outcome = ask({"shutdown", "--wait"});
        EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
        EXPECT_TRUE(has(outcome.out, "has ended")) << outcome.out;
        EXPECT_EQ(daemon.wait(), exited(0)) << "asked for under run: no failure";
    }
    Process daemon(
        entrypoint({"bash", "-c", "trap 'exit 7' TERM; echo up; read line"}),
        {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}, {"PILOTFISH_CONTROL_SOCKET", socket_}}});
    daemon.wait_line("up");
    ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
    EXPECT_EQ(ask({"shutdown"}).end, exited(0));
    EXPECT_EQ(daemon.wait(), exited(7)) << "main's own code as an entrypoint";
}

TEST_F(Control, ShutdownOfASidecarIsAnsweredBeforeItEnds) {
    // Without workers the end comes within microseconds of the wish.
    for (int i = 0; i < 20; ++i) {
        Process daemon({pilotfish(), "run"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"},
                                                      {"PILOTFISH_CONTROL_SOCKET", socket_}}});
        ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
        const Outcome outcome = ask({"shutdown"});
        EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
        EXPECT_EQ(daemon.wait(), exited(0));
    }
}

TEST_F(Control, AnotherUserMayLookAndChangeNothing) {
    if (geteuid() != 0) GTEST_SKIP() << "only root can become somebody else";
    Process daemon({pilotfish(), "run"},
                   {.env = two_workers({{"PILOTFISH_CONTROL_SOCKET", "auto"}})});
    const std::string pid = std::to_string(daemon.pid());
    daemon.wait_line(" up");
    daemon.wait_line(" up");
    const StartOptions nobody = {
        .env = {{"PILOTFISH_CONTROL_SOCKET", "auto"}}, .in_child = [] {
            constexpr unsigned kNobody = 65534;
            if (setgroups(0, nullptr) != 0 || setgid(kNobody) != 0 || setuid(kNobody) != 0)
                _exit(99);
        }};
    ASSERT_TRUE(eventually([&] { return ask({"status", "--pid", pid}, nobody).end == exited(0); }))
        << ask({"status", "--pid", pid}, nobody).err;
    for (const Words& words :
         {Words{"stop", "web"}, Words{"restart", "web"}, Words{"signal", "HUP", "web"},
          Words{"shutdown"}, Words{"reload"}, Words{"upgrade"}}) {
        Words with_pid = words;
        with_pid.insert(with_pid.end(), {"--pid", pid});
        const Outcome outcome = ask(with_pid, nobody);
        EXPECT_EQ(outcome.end, exited(1)) << words[0];
        EXPECT_TRUE(has(outcome.err, "needs the level admin")) << outcome.err;
        EXPECT_TRUE(has(outcome.err, "as root or as the daemon's own user")) << outcome.err;
    }
    const StartOptions root = {.env = {{"PILOTFISH_CONTROL_SOCKET", "auto"}}};
    EXPECT_EQ(ask({"shutdown", "--pid", pid}, root).end, exited(0));
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, TwoDaemonsOfOneContainerAreToldApart) {
    const Environment environment = two_workers({{"PILOTFISH_CONTROL_SOCKET", "auto"}});
    const StartOptions anywhere = {.env = {{"PILOTFISH_CONTROL_SOCKET", "auto"}}};
    Process first({pilotfish(), "run"}, {.env = environment});
    Process second({pilotfish(), "run"}, {.env = environment});
    for (Process* daemon : {&first, &second}) {
        daemon->wait_line(" up");
        const std::string pid = std::to_string(daemon->pid());
        EXPECT_TRUE(eventually([&] {
            return ask({"status", "--pid", pid}, anywhere).end == exited(0);
        })) << ask({"status", "--pid", pid}, anywhere).err;
    }
    const Outcome which = ask({"status"}, anywhere);
    EXPECT_EQ(which.end, exited(3));
    EXPECT_TRUE(has(which.err, "--pid chooses among")) << which.err;
    EXPECT_TRUE(has(which.err, std::to_string(second.pid()))) << which.err;
    EXPECT_EQ(ask({"shutdown", "--pid", std::to_string(second.pid())}, anywhere).end, exited(0));
    EXPECT_EQ(second.wait(), exited(0));
    EXPECT_TRUE(first.running());
    first.signal(SIGTERM);
    EXPECT_EQ(first.wait(), exited(0));
}

TEST_F(Control, AWorkerFindsItsOwnDaemonAndANestedOneTakesItsOwnSocket) {
    const std::string binary = pilotfish();
    const Environment environment =
        two_workers({{"PILOTFISH_WORKER_WEB_COMMAND",
                      shell("echo web up; echo outer $PILOTFISH_CONTROL_SOCKET; exec sleep 1000")},
                     {"PILOTFISH_WORKER_DB_COMMAND",
                      R"([")" + binary + R"(","--","bash","-c",")" +
                          "echo db up; echo inner $PILOTFISH_CONTROL_SOCKET; until " + binary +
                          R"( status; do sleep 0.1; done; exec sleep 1000"])"},
                     {"PILOTFISH_WORKER_DB_ENV_PILOTFISH_ADMIN_LISTEN", "off"}});
    Process daemon({pilotfish(), "run"}, {.env = environment});
    // Its own is asked without being named: the table has main, and no db.
    const std::string inner = daemon.wait_line("inner unix:");
    EXPECT_FALSE(has(inner, socket_)) << inner;
    daemon.wait_line("main  ready");
    EXPECT_TRUE(has(ask({"status"}).out, "\ndb ")) << "the parent kept its socket";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, TakesOverAStaleSocketAndRefusesALiveOne) {
    {
        Process daemon({pilotfish(), "run"}, {.env = two_workers()});
        await_both(daemon);
        const Outcome second = run({pilotfish(), "run"}, {.env = two_workers()});
        EXPECT_EQ(second.end, exited(2));
        EXPECT_TRUE(has(second.err, "PILOTFISH_CONTROL_SOCKET: cannot listen on unix:" + socket_ +
                                        ": address already in use"))
            << second.err;
        EXPECT_FALSE(has(second.out, "up")) << "before any worker starts";
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), exited(0));
        // A sidecar leaves no workers behind when it is killed, but its file.
        Process sidecar({pilotfish(), "run"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"},
                                                       {"PILOTFISH_CONTROL_SOCKET", socket_}}});
        ASSERT_TRUE(eventually([&] { return ask({"status"}).end == exited(0); }));
        sidecar.signal(SIGKILL);
        sidecar.wait();
    }
    EXPECT_EQ(access(socket_.c_str(), F_OK), 0) << "killed, it leaves its file";
    Process daemon({pilotfish(), "run"}, {.env = two_workers()});
    await_both(daemon);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, SaysWhereItLookedWhenNobodyIsThere) {
    const Outcome told = ask({"status"});
    EXPECT_EQ(told.end, exited(3));
    EXPECT_TRUE(has(told.err, socket_)) << told.err;
    EXPECT_TRUE(has(told.err, "is it running")) << told.err;
    const Outcome by_pid = ask({"status", "--pid", std::to_string(getpid())});
    EXPECT_EQ(by_pid.end, exited(3));
    EXPECT_TRUE(has(by_pid.err, "is pilotfish running in this container")) << by_pid.err;
    EXPECT_EQ(ask({"stop"}).end, exited(2)) << "nothing named";
}

TEST_F(Control, OverTcpItNeedsTheToken) {
    const int port = free_port();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    Process daemon({pilotfish(), "run"}, {.env = two_workers({{"PILOTFISH_ADMIN_LISTEN", address},
                                                              {"PILOTFISH_ADMIN_TOKEN", "top"}})});
    await_both(daemon);
    const std::string url = "http://" + address;
    EXPECT_EQ(ask({"status", "--admin", url}).end, exited(0)) << "loopback may look";
    const Outcome without = ask({"stop", "db", "--admin", url});
    EXPECT_EQ(without.end, exited(1));
    EXPECT_TRUE(has(without.err, "needs the level admin")) << without.err;
    const StartOptions with_token = {.env = {{"PILOTFISH_ADMIN_TOKEN", "top"}}};
    EXPECT_EQ(ask({"stop", "db", "--wait", "20s", "--admin", url}, with_token).end, exited(0));
    EXPECT_EQ(ask({"shutdown", "--wait", "--admin", url}, with_token).end, exited(0));
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Control, ProbesStillAskTheDaemon) {
    const int port = free_port();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    Process daemon({pilotfish(), "run"},
                   {.env = two_workers({{"PILOTFISH_ADMIN_LISTEN", address}})});
    await_both(daemon);
    EXPECT_EQ(
        run({pilotfish(), "probe", "readyz"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", address}}}).end,
        exited(0));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_EQ(run({pilotfish(), "probe"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", address}}}).end,
              exited(1));
}

}  // namespace
}  // namespace pilotfish::e2e
