// Hosted workers: plugins built out of the tree against an installed pilotfish, in the real binary.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "tests/e2e/support/hosting.h"
#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class Plugin : public EndToEnd {};

TEST_F(Plugin, RunsWithItsArgumentsAndItsLinesAreTheWorkers) {
    const Outcome outcome = run_once(plugin("actor"), "log 'two words' warn oh return 0");
    EXPECT_EQ(outcome.end, exited(0));
    EXPECT_TRUE(has(outcome.out, "web | two words\n")) << outcome.out;
    EXPECT_TRUE(has(outcome.err, "web | oh\n")) << outcome.err;
}

TEST_F(Plugin, LogSettingsHoldForIt) {
    Environment environment = once(plugin("actor"), "log hello");
    environment["PILOTFISH_WORKER_WEB_LOG"] = "json";
    EXPECT_TRUE(has(run({pilotfish(), "run"}, {.env = environment}).out, R"("line":"hello")"));
    environment["PILOTFISH_WORKER_WEB_LOG"] = "inherit";
    EXPECT_EQ(run({pilotfish(), "run"}, {.env = environment}).out, "hello\n");
    environment["PILOTFISH_WORKER_WEB_LOG"] = "none";
    EXPECT_EQ(run({pilotfish(), "run"}, {.env = environment}).out, "");
    environment["PILOTFISH_WORKER_WEB_LOG"] = "inherit";
    environment["PILOTFISH_LOG_LEVEL"] = "warn";
    EXPECT_EQ(run({pilotfish(), "run"}, {.env = environment}).out, "");
}

TEST_F(Plugin, SharesTheCppLibraryWithTheExecutable) {
    const Outcome outcome = run_once(plugin("actor"), "library");
    EXPECT_EQ(outcome.out, "web | one library\n") << outcome.err;
}

TEST_F(Plugin, EndsWithWhatItReturns) {
    EXPECT_EQ(run_once(plugin("actor"), "return 3").end, exited(3));
    const Outcome outcome = run_once(plugin("actor"), "return 1000");
    EXPECT_EQ(outcome.end, exited(255));
    EXPECT_TRUE(has(outcome.err, "returned 1000, which is no exit code")) << outcome.err;
}

TEST_F(Plugin, AnExceptionEndsTheWorkerAndNotTheDaemon) {
    const Outcome outcome = run_once(plugin("actor"), "throw 'oh dear'");
    EXPECT_EQ(outcome.end, exited(1));
    EXPECT_TRUE(has(outcome.err, "Tantrum: oh dear after ")) << outcome.err;
    EXPECT_TRUE(has(run_once(plugin("actor"), "throw-int").err, "threw a value of the type int"));
    EXPECT_EQ(run_once(plugin("actor"), "goexit").end, exited(0));
}

TEST_F(Plugin, AnExceptionIsRestartedByThePolicy) {
    const int port = free_port();
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up sleep 10 throw again",
                                   {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                                    {"PILOTFISH_WORKER_WEB_RESTART", "on-failure"},
                                    {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "10ms"}})});
    for (int i = 0; i < 4; ++i) daemon.wait_line("web | up");
    const std::string workers = http_get(port, "/v1/workers").body;
    EXPECT_TRUE(has(workers, R"("exception")")) << workers;
    EXPECT_TRUE(has(workers, "again after ")) << workers;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Plugin, IsReadyWhenItSaysSo) {
    const int port = free_port();
    const Environment admin = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)}};
    {
        Process daemon({pilotfish(), "run"},
                       {.env = hosting(plugin("actor"), "log up wait", admin)});
        daemon.wait_line("web | up");
        ASSERT_TRUE(eventually([port] { return http_get(port, "/livez").status == 200; }));
        EXPECT_EQ(http_get(port, "/readyz").status, 503);
        daemon.signal(SIGTERM);
        EXPECT_EQ(daemon.wait(), exited(0));
    }
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up wait", admin)});
    daemon.wait_line("web | up");
    EXPECT_TRUE(eventually([port] { return http_get(port, "/readyz").status == 200; }));
    const std::string workers = http_get(port, "/v1/workers").body;
    EXPECT_TRUE(has(workers, R"("hosted":true)")) << workers;
    EXPECT_TRUE(has(workers, R"("state":"ready")")) << workers;
    const std::string stacks = http_get(port, "/debug/pprof/goroutine?debug=2").body;
    EXPECT_TRUE(has(stacks, R"("worker":"web")")) << stacks;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Plugin, IsToldToEndAndGivenTimeForIt) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up linger 100")});
    daemon.wait_line("web | up");
    daemon.signal(SIGTERM);
    daemon.wait_line("web | told, both ways");
    daemon.wait_line("web | done");
    EXPECT_EQ(daemon.wait(), exited(0));
}

struct Refusal {
    std::string name;  // of the test
    std::string path;
    int code;
    std::string words;
};

class RefusedPlugin : public EndToEnd, public testing::WithParamInterface<Refusal> {};

TEST_P(RefusedPlugin, IsAFailedStartWithASentence) {
    const Outcome outcome = run_once(GetParam().path);
    EXPECT_EQ(outcome.end, exited(GetParam().code));
    EXPECT_TRUE(has(outcome.err, "web: cannot load " + GetParam().path + ": " + GetParam().words))
        << outcome.err;
}

TEST_P(RefusedPlugin, FailsTheCheckWithTheSameSentence) {
    const Outcome outcome = run({pilotfish(), "check"}, {.env = hosting(GetParam().path, {})});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_TRUE(has(outcome.err, "cannot run worker web: cannot load " + GetParam().path + ": " +
                                     GetParam().words))
        << outcome.err;
}

INSTANTIATE_TEST_SUITE_P(
    Plugin, RefusedPlugin,
    testing::Values(
        Refusal{"Missing", plugin("nowhere"), 127, "no such file"},
        Refusal{"Text", "/etc/passwd", 126, "not a shared object"},
        Refusal{"Directory", "/", 126, "not a regular file"},
        Refusal{"AProgram", program("deaf"), 126, "not a shared object; link it with -shared"},
        Refusal{"OtherAbi", plugin("other_abi"), 126,
                "it was built for another ABI (a compiler from the future, libc+++) than this "
                "pilotfish (pilotfish " PILOTFISH_E2E_VERSION ", "},
        Refusal{"NoEntry", plugin("no_entry"), 126, "it has no function pilotfish_plugin_v1"},
        Refusal{"Undefined", plugin("undefined"), 126,
                "undefined symbol pilotfish::core::from_a_later_release("}),
    [](const auto& test) { return test.param.name; });

TEST_F(Plugin, ThatFitsPassesTheCheck) {
    EXPECT_EQ(run({pilotfish(), "check"}, {.env = hosting(plugin("actor"), {})}).end, exited(0));
}

TEST_F(Plugin, LivesBesideProcesses) {
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("actor"), "ready log up wait",
                                   {{"PILOTFISH_WORKERS", "db,web"},
                                    {"PILOTFISH_WORKER_WEB_AFTER", "db"},
                                    {"PILOTFISH_WORKER_DB_COMMAND",
                                     R"(["sh","-c","trap 'echo db told; exit 0' TERM; )"
                                     R"(echo db up; while :; do sleep 0.05; done"])"}})});
    daemon.wait_line("db up");
    daemon.wait_line("web | up");
    daemon.signal(SIGTERM);
    daemon.wait_line("web | done");  // who comes AFTER is told first, and waited for
    daemon.wait_line("db told");
    EXPECT_EQ(daemon.wait(), exited(0));
}

// The examples.

class PluginExample : public EndToEnd {};

namespace fs = std::filesystem;

void give_job(const fs::path& spool, const std::string& name, const std::string& text) {
    std::ofstream(spool / ("." + name)) << text;
    fs::rename(spool / ("." + name), spool / "new" / name);
}

// A client's end of a TCP connection.
class Client {
  public:
    explicit Client(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience = {.tv_sec = 20, .tv_usec = 0};
        setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }
    ~Client() { close(fd_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    bool connected() const { return connected_; }
    void send(const std::string& text) const {
        EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }
    // That many bytes, or what came before the end.
    std::string receive(std::size_t bytes) const {
        std::string text(bytes, '\0');
        const ssize_t got = recv(fd_, text.data(), bytes, MSG_WAITALL);
        text.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        return text;
    }
    // The other side has closed, and nothing was left to read.
    bool ended() const {
        char byte;
        return recv(fd_, &byte, 1, 0) == 0;
    }

  private:
    int fd_;
    bool connected_;
};

TEST_F(PluginExample, TheEchoSendsBackWhatItGetsAndClosesWhenToldToEnd) {
    const int port = free_port();
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("echo"), "127.0.0.1:" + std::to_string(port))});
    daemon.wait_line("web | echo on 127.0.0.1:" + std::to_string(port));
    const Client one(port);
    const Client two(port);
    ASSERT_TRUE(one.connected() && two.connected());
    const std::string large(100'000, 'x');
    one.send("hello");
    two.send(large);
    EXPECT_EQ(one.receive(5), "hello");
    EXPECT_EQ(two.receive(large.size()), large);
    daemon.signal(SIGTERM);
    EXPECT_TRUE(one.ended());
    EXPECT_TRUE(two.ended());
    daemon.wait_line("web | every connection is closed");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginExample, TheEchoSpeaksHttp) {
    const int port = free_port();
    Process daemon({pilotfish(), "run"},
                   {.env = hosting(plugin("echo"), "127.0.0.1:" + std::to_string(port) + " http")});
    daemon.wait_line("web | http on ");
    const Answer answer = http_get(port, "/some/path");
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body.substr(0, 24), "GET /some/path HTTP/1.1\r");
    // Two requests in one piece are two answers; a method it does not know ends the connection.
    const Client client(port);
    client.send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nPUT /c HTTP/1.1\r\n\r\n");
    const std::string answers = client.receive(100'000);
    const std::size_t a = answers.find("GET /a");
    const std::size_t b = answers.find("GET /b");
    EXPECT_TRUE(a < b && b != std::string::npos) << answers;
    EXPECT_TRUE(has(answers, "405 Method Not Allowed")) << answers;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginExample, AnAddressThatIsTakenFailsTheRunAndIsTriedAgain) {
    const int port = free_port();
    const std::string address = "127.0.0.1:" + std::to_string(port);
    Process first({pilotfish(), "run"}, {.env = hosting(plugin("echo"), address)});
    first.wait_line("web | echo on ");
    Process second({pilotfish(), "run"},
                   {.env = hosting(plugin("echo"), address,
                                   {{"PILOTFISH_WORKER_WEB_RESTART_DELAY", "10ms"},
                                    {"PILOTFISH_WORKER_WEB_RESTART_MAX_DELAY", "10ms"}})});
    second.wait_error_line("next try in");
    first.signal(SIGTERM);
    EXPECT_EQ(first.wait(), exited(0));
    second.wait_line("web | echo on " + address);
    second.signal(SIGTERM);
    EXPECT_EQ(second.wait(), exited(0));
}

TEST_F(PluginExample, TheQueueWorksOnWhatItFindsAndFinishesWhatItHas) {
    const tests::TempDir dir;
    const fs::path spool = dir.path();
    fs::create_directories(spool / "work");
    std::ofstream(spool / "work" / "left-by-a-crash") << "once more";
    Process daemon({pilotfish(), "run"}, {.env = hosting(plugin("queue"), dir.path() + " 2")});
    daemon.wait_line("web | left-by-a-crash: 2 words");
    for (int i = 0; i < 20; ++i) give_job(spool, "job" + std::to_string(i), "one two three");
    for (int i = 0; i < 20; ++i) daemon.wait_line(": 3 words, checksum ");
    EXPECT_EQ(tests::read_file((spool / "done" / "job7").string()).substr(0, 7), "3 words");
    EXPECT_TRUE(fs::is_empty(spool / "work"));
    daemon.signal(SIGTERM);
    daemon.wait_line("web | stops; jobs to finish: 0");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(PluginExample, TheQueueWithoutADirectoryFails) {
    const Outcome outcome = run_once(plugin("queue"));
    EXPECT_EQ(outcome.end, exited(1));
    EXPECT_TRUE(has(outcome.err, "PLUGIN_ARGS must name the spool's directory")) << outcome.err;
}

TEST_F(PluginExample, ProgramsEmbedTheRuntime) {
    const std::string programs = PILOTFISH_E2E_PLUGINS;
    EXPECT_EQ(run({programs + "/hello"}).out, "the answer is 42; 1 tasks live\n");
    EXPECT_EQ(run({programs + "/pipeline", "100"}).out, "338350\n");
}

}  // namespace
}  // namespace pilotfish::e2e
