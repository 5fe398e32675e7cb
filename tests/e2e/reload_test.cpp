// PILOTFISH_CONFIG and its reload in the real binary: who changes is restarted, nobody else.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

using nlohmann::json;

class ReloadByFile : public EndToEnd {
  protected:
    const tests::TempDir dir_;
    const std::string file_ = dir_.path() + "/pilotfish.json";
    const int port_ = free_port();

    void write(const std::string& text) {
        // As a ConfigMap is exchanged: never half of it is there.
        std::ofstream(file_ + ".new") << text;
        std::filesystem::rename(file_ + ".new", file_);
    }
    StartOptions options() const {
        return {.env = {{"PILOTFISH_CONFIG", file_},
                        {"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port_)}}};
    }
    json worker(const std::string& name) const {
        const Answer answer = http_get(port_, "/v1/workers/" + name);
        return answer.status == 200 ? json::parse(answer.body) : json();
    }
    int pid_of(const std::string& name) const {
        const json now = worker(name);
        return now.is_object() && now["pid"].is_number() ? now["pid"].get<int>() : -1;
    }
    bool is_ready(const std::string& name) const {
        const json now = worker(name);
        return now.is_object() && now["state"] == "ready";
    }
    std::string setting(const std::string& name, const char* field) const {
        const json all = json::parse(http_get(port_, "/v1/config").body);
        for (const json& one : all["settings"])
            if (one["name"] == name) return one[field].is_null() ? "" : one[field];
        return "no such setting";
    }
};

std::string workers(const std::string& list) { return "{\"workers\": {" + list + "}}"; }
std::string sleeper(const std::string& name, const std::string& more = "") {
    return "\"" + name + "\": {\"command\": [\"sleep\", \"1000\"]" + more + "}";
}

TEST_F(ReloadByFile, RestartsWhoHasChangedAndNobodyElse) {
    write(workers(sleeper("web") + "," + sleeper("db") + "," + sleeper("old")));
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] { return is_ready("web") && is_ready("db") && is_ready("old"); }));
    const int web = pid_of("web");
    const int db = pid_of("db");
    const int old = pid_of("old");
    write(workers(sleeper("web", R"(,"env": {"A": "1"})") + "," + sleeper("db") + "," +
                  sleeper("young", R"(,"after": "web")")));
    daemon.signal(SIGHUP);
    daemon.wait_error_line("1 workers added, 1 removed, 1 changed");
    ASSERT_TRUE(eventually([&] { return is_ready("young") && is_ready("web"); }));
    EXPECT_NE(pid_of("web"), web);
    EXPECT_EQ(pid_of("db"), db);
    EXPECT_TRUE(eventually([&] { return !exists(old) && worker("old").is_null(); }));
    EXPECT_EQ(worker("web")["starts"], 2);
    EXPECT_EQ(worker("web")["restarts_by_reason"]["reload"], 1) << worker("web").dump();
    EXPECT_EQ(worker("db")["starts"], 1);
    EXPECT_EQ(setting("PILOTFISH_WORKER_WEB_ENV_A", "source"), file_);
    EXPECT_EQ(http_get(port_, "/readyz").status, 200);
    daemon.signal(SIGHUP);
    daemon.wait_error_line("nothing to change");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, WhoNeedsOneThatChangesWaitsForTheNewOne) {
    const std::string told = dir_.path() + "/told";
    std::ofstream(told) << "";
    const auto all = [&](const std::string& version, const std::string& more) {
        const std::string env = R"("env": {"V": ")" + version + R"("})";
        return workers(R"("db": {"command": ["sh", "-c", "trap 'sleep 0.5; echo old db gone >>)" +
                       told + R"(; exit' TERM; while :; do sleep 0.05; done"], )" + env +
                       R"(}, "web": {"command": ["sh", "-c", "echo web $V >>)" + told +
                       R"(; exec sleep 1000"], "needs": "db", )" + env + "}" + more);
    };
    write(all("1", ""));
    Process daemon({pilotfish(), "run"}, options());
    const auto text = [&] { return tests::read_file(told); };
    ASSERT_TRUE(eventually([&] { return text() == "web 1\n"; })) << text();
    write(all("2", R"(, "young": {"command": ["sh", "-c", "echo young >>)" + told +
                       R"(; exec sleep 1000"], "after": "db"})"));
    daemon.signal(SIGHUP);
    ASSERT_TRUE(eventually([&] {
        return text().find("web 2\n") != std::string::npos &&
               text().find("young\n") != std::string::npos;
    })) << text();
    EXPECT_TRUE(text().starts_with("web 1\nold db gone\n")) << text();
    EXPECT_EQ(worker("db")["starts"], 2);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, WhoNeededWhatFailedGetsAnotherTurnWhenThatIsMended) {
    const auto all = [](const std::string& migrate) {
        return workers(sleeper("keep") +
                       R"(, "migrate": {"kind": "oneshot", "restart": "never", )"
                       R"("command": [")" +
                       migrate + "\"]}," + sleeper("web", R"(,"needs": "migrate")"));
    };
    write(all("false"));
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] {
        const json web = worker("web");
        return web.is_object() && web["state"] == "failed";
    }));
    write(all("true"));
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return is_ready("web"); })) << worker("web").dump();
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, OneMoreInstanceLeavesTheOthersAlone) {
    write(workers(sleeper("web", R"(,"instances": 2)")));
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] { return is_ready("web@1") && is_ready("web@2"); }));
    const int first = pid_of("web@1");
    write(workers(sleeper("web", R"(,"instances": 3)")));
    daemon.signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return is_ready("web@3"); }));
    EXPECT_EQ(pid_of("web@1"), first);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, AFaultyFileChangesNothing) {
    write(workers(sleeper("web")));
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] { return is_ready("web"); }));
    const int web = pid_of("web");
    write("{\"stop_timeout\": \"1s\",\n \"workers\": {\"web\": {\"restart\": \"sometimes\"}}}");
    daemon.signal(SIGHUP);
    daemon.wait_error_line("cannot reload, nothing was changed");
    write("{ broken");
    daemon.signal(SIGHUP);
    daemon.wait_error_line("pilotfish.json:1:3: ");
    EXPECT_EQ(pid_of("web"), web);
    EXPECT_EQ(setting("PILOTFISH_STOP_TIMEOUT", "value"), "25s");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, SettingsOfTheDaemonChangeLiveOrAreNamed) {
    write(R"({"maxprocs": 1, "memlimit": "100Mi"})");
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 200; }));
    write(R"({"maxprocs": 2, "memlimit": "50Mi", "subreaper": false})");
    daemon.signal(SIGHUP);
    daemon.wait_error_line("PILOTFISH_MAXPROCS: 1 -> 2");
    daemon.wait_error_line("PILOTFISH_SUBREAPER: true -> false: not applied");
    EXPECT_TRUE(eventually([&] {
        const json now = json::parse(http_get(port_, "/v1/runtime").body);
        return now["maxprocs"] == 2;
    }));
    EXPECT_EQ(setting("PILOTFISH_SUBREAPER", "value"), "true");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, ASidecarGetsItsFirstWorkerAndLosesItsLast) {
    write("{}");
    Process daemon({pilotfish(), "run"}, options());
    ASSERT_TRUE(eventually([&] { return http_get(port_, "/readyz").status == 200; }));
    write(workers(sleeper("web")));
    daemon.signal(SIGHUP);
    ASSERT_TRUE(eventually([&] { return is_ready("web"); }));
    const int web = pid_of("web");
    write("{}");
    daemon.signal(SIGHUP);
    EXPECT_TRUE(eventually([&] { return !exists(web) && worker("web").is_null(); }));
    EXPECT_TRUE(daemon.running()) << "nobody is left, and it stays until it is told to stop";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, WhoIsLeavingDoesNotHoldUpTheEnd) {
    write(workers(
        R"("web": {"command": ["sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 0.1;)"
        R"( done"], "stop_timeout": "20s"})"));
    StartOptions with_timeout = options();
    with_timeout.env["PILOTFISH_STOP_TIMEOUT"] = "1s";
    Process daemon({pilotfish(), "run"}, with_timeout);
    daemon.wait_line("deaf");
    write("{}");
    daemon.signal(SIGHUP);
    daemon.wait_error_line("1 removed");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(ReloadByFile, CheckReadsTheFileAndShowsWhoDecided) {
    write(workers(sleeper("web", R"(,"restart": "never")")));
    const auto good =
        run({pilotfish(), "check", "--json"},
            {.env = {{"PILOTFISH_CONFIG", file_}, {"PILOTFISH_WORKER_WEB_RESTART", "always"}}});
    EXPECT_EQ(good.end, exited(0));
    std::map<std::string, std::string> sources;
    const json report = json::parse(good.out);
    for (const json& one : report["settings"]) sources[one["name"]] = one["source"];
    EXPECT_EQ(sources["PILOTFISH_WORKER_WEB_COMMAND"], file_);
    EXPECT_EQ(sources["PILOTFISH_WORKER_WEB_RESTART"], "PILOTFISH_WORKER_WEB_RESTART");
    write("{\n\"workers\": {\"web\": {\"comand\": \"x\"}}}");
    const auto bad = run({pilotfish(), "check"}, {.env = {{"PILOTFISH_CONFIG", file_}}});
    EXPECT_EQ(bad.end, exited(2));
    EXPECT_NE(bad.err.find("workers.web.comand in " + file_ + ":2: "), std::string::npos)
        << bad.err;
    EXPECT_NE(bad.err.find("did you mean workers.web.command?"), std::string::npos) << bad.err;
}

}  // namespace
}  // namespace pilotfish::e2e
