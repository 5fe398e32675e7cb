// The upgrade in place, from the outside: nobody who is supervised, reads or asks may notice more
// than a pause. A new "binary" that is a script can stop the clock inside that pause.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;

class UpgradeInPlace : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        fs::copy_file(pilotfish(), binary());
    }

    // The daemon runs from here, so that a test may replace it.
    std::string binary() const { return dir_.path() + "/pilotfish"; }
    std::string file(const std::string& name) const { return dir_.path() + "/" + name; }

    // As a package manager does: the old file goes on existing for whoever runs it.
    void replace_binary(const std::string& content) const {
        std::ofstream(binary() + ".new", std::ios::binary) << content;
        chmod((binary() + ".new").c_str(), 0755);
        fs::rename(binary() + ".new", binary());
    }
    // A new binary that is the old one, with something done before: `check` when it is asked to
    // look at the state in the pause itself, `jump` when it has been executed in the daemon's
    // place.
    void replace_by_script(const std::string& check, const std::string& jump) const {
        replace_binary("#!/bin/sh\nif [ \"$1\" = take-over ]; then\n  if [ -e " + file("tried") +
                       " ]; then :\n" + check + "\n  fi\n  : > " + file("tried") + "\nelse :\n" +
                       jump + "\nfi\nexec " + pilotfish() + " \"$@\"\n");
    }

    static void upgrade(Process& daemon) {
        daemon.signal(SIGUSR2);
        daemon.wait_error_line("upgraded in place");
    }

    static std::string json_of(int port) { return http_get(port, "/v1/workers").body; }

    const tests::TempDir dir_;
};

std::string listen_on(int port) { return "127.0.0.1:" + std::to_string(port); }

std::string ticker(const std::string& arguments) { return program("ticker") + " " + arguments; }

std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

// "NAME 1", "NAME 2", ... each once and in order; returns how many.
long counted(const std::string& out, const std::string& name) {
    std::istringstream lines(out);
    long last = 0;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t at = line.find(name + " ");
        if (at == std::string::npos) continue;
        const long number = std::stol(line.substr(at + name.size() + 1));
        EXPECT_EQ(number, last + 1) << "a line was lost, doubled or turned round: " << line;
        if (number != last + 1) return last;
        last = number;
    }
    return last;
}

std::size_t descriptors_of(pid_t pid) {
    const fs::directory_iterator open("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<std::size_t>(std::distance(fs::begin(open), fs::end(open)));
}

int connect_to(int port) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<in_port_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
    close(fd);
    return -1;
}

// The whole answer; closes.
std::string ask(int fd, const std::string& path) {
    const std::string request =
        "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
    std::string answer;
    char buffer[4096];
    for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(count));
    close(fd);
    return answer;
}

// The value behind "key": in a JSON text; empty: not there.
std::string value_of(const std::string& json, const std::string& key) {
    const std::size_t at = json.find("\"" + key + "\":");
    if (at == std::string::npos) return {};
    const std::size_t start = at + key.size() + 3;
    return json.substr(start, json.find_first_of(",}", start) - start);
}

// What is known of the first thing that ever happened.
std::string first_event(int port) {
    const std::string body = http_get(port, "/v1/events").body;
    const std::size_t at = body.find("data: {");
    return at == body.npos ? "" : body.substr(at, body.find('\n', at) - at);
}

TEST_F(UpgradeInPlace, KeepsProcessesAndEveryLineTheyWrite) {
    Process daemon({binary(), "run"}, {.env = {{"PILOTFISH_WORKERS", "one,two"},
                                               {"PILOTFISH_WORKER_ONE_COMMAND", ticker("a")},
                                               {"PILOTFISH_WORKER_TWO_COMMAND", ticker("b")}}});
    daemon.wait_line("a 20");
    const auto before = children_of(daemon.pid());
    upgrade(daemon);
    daemon.wait_line("a 400");
    EXPECT_EQ(children_of(daemon.pid()), before);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0)) << "a requested stop is no failure";
    EXPECT_GE(counted(daemon.out(), "a"), 400);
    EXPECT_GT(counted(daemon.out(), "b"), 20);
}

TEST_F(UpgradeInPlace, ManyInARowUnderLoad) {
    Process daemon({binary(), "run"},
                   {.env = {{"PILOTFISH_WORKERS", "one,two,crash"},
                            {"PILOTFISH_WORKER_ONE_COMMAND", ticker("a")},
                            {"PILOTFISH_WORKER_TWO_COMMAND", ticker("b")},
                            {"PILOTFISH_WORKER_CRASH_COMMAND", "false"},
                            {"PILOTFISH_WORKER_CRASH_RESTART_DELAY", "10ms"},
                            {"PILOTFISH_WORKER_CRASH_RESTART_MAX_DELAY", "20ms"}}});
    daemon.wait_line("a 20");
    daemon.wait_line("b 20");
    std::vector<pid_t> before;
    for (const pid_t child : children_of(daemon.pid())) {
        if (command_of(child) == "ticker") before.push_back(child);
    }
    ASSERT_EQ(before.size(), 2u);
    const std::size_t descriptors = descriptors_of(daemon.pid());
    for (int i = 0; i < 20; ++i) upgrade(daemon);
    for (const pid_t child : before) EXPECT_EQ(command_of(child), "ticker");
    // The crash loop and an answered client hold some for a moment; a leak stays.
    EXPECT_TRUE(eventually([&] { return descriptors_of(daemon.pid()) <= descriptors + 2; }))
        << "descriptors leak: " << descriptors_of(daemon.pid()) << " instead of " << descriptors;
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_GT(counted(daemon.out(), "a"), 20);
    EXPECT_GT(counted(daemon.out(), "b"), 20);
}

// PR_SET_PDEATHSIG fires when the thread ends that made the child: the second upgrade ends the
// first image's and the second's threads.
TEST_F(UpgradeInPlace, NoticesNothingEvenIfItAskedToDieWithItsParent) {
    Process daemon({binary(), "run"},
                   {.env = {{"PILOTFISH_WORKERS", "one,crash"},
                            {"PILOTFISH_WORKER_ONE_COMMAND", ticker("--with-parent a")},
                            {"PILOTFISH_WORKER_CRASH_COMMAND", "false"},
                            {"PILOTFISH_WORKER_CRASH_RESTART_DELAY", "10ms"}}});
    daemon.wait_line("a 20");
    for (int i = 0; i < 4; ++i) upgrade(daemon);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_GT(counted(daemon.out(), "a"), 20) << "it was killed and started again";
}

TEST_F(UpgradeInPlace, KeepsCountersAndABackOff) {
    const int port = free_port();
    Process daemon({binary(), "run"},
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", listen_on(port)},
                            {"PILOTFISH_WORKERS", "web"},
                            {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "3s"},
                            {"PILOTFISH_WORKER_WEB_COMMAND", shell("echo up; exit 1")}}});
    daemon.wait_line("up");
    EXPECT_TRUE(eventually([&] { return json_of(port).find("\"backoff\"") != std::string::npos; }));
    const double before = std::stod(value_of(json_of(port), "next_try_seconds"));
    upgrade(daemon);
    EXPECT_TRUE(eventually([&] { return http_get(port, "/v1/workers").status == 200; }));
    const std::string after = json_of(port);
    EXPECT_NE(after.find("\"backoff\""), std::string::npos) << after;
    EXPECT_LT(std::stod(value_of(after, "next_try_seconds")), before) << "it was begun anew";
    EXPECT_EQ(value_of(after, "restarts"), "1");
    daemon.wait_line("up");
    EXPECT_TRUE(eventually([&] { return value_of(json_of(port), "starts") == "2"; }));
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(UpgradeInPlace, NoticesWhoDiedMeanwhile) {
    const int port = free_port();
    Process daemon({binary(), "run"},
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", listen_on(port)},
                            {"PILOTFISH_WORKERS", "web"},
                            {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "10ms"},
                            {"PILOTFISH_WORKER_WEB_COMMAND", shell("echo up; exec sleep 1000")}}});
    daemon.wait_line("up");
    const pid_t web = children_of(daemon.pid()).front();
    replace_by_script("", "kill -KILL " + std::to_string(web));
    upgrade(daemon);
    daemon.wait_line("up");
    EXPECT_TRUE(eventually([&] {
        return json_of(port).find("\"restarts_by_reason\":{\"signal\":1}") != std::string::npos;
    })) << json_of(port);
    EXPECT_FALSE(exists(web)) << "its status was not collected";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(UpgradeInPlace, AnswersWhoConnectsMeanwhile) {
    const int port = free_port();
    Process daemon({binary(), "run"}, {.env = {{"PILOTFISH_ADMIN_LISTEN", listen_on(port)},
                                               {"PILOTFISH_WORKERS", "web"},
                                               {"PILOTFISH_WORKER_WEB_COMMAND", ticker("a")}}});
    daemon.wait_line("a 20");
    EXPECT_TRUE(eventually([&] { return http_get(port, "/livez").status == 200; }));
    const std::string first = first_event(port);
    ASSERT_NE(first, "");
    replace_by_script(
        "", ": > " + file("paused") + "; while [ ! -e " + file("go") + " ]; do sleep 0.01; done");
    daemon.signal(SIGUSR2);
    EXPECT_TRUE(eventually([&] { return fs::exists(file("paused")); }));
    const int client = connect_to(port);
    ASSERT_GE(client, 0) << "nobody listens in the pause";
    std::ofstream(file("go")) << "now";
    EXPECT_NE(ask(client, "/livez").find("200 OK"), std::string::npos);
    daemon.wait_error_line("upgraded in place");
    EXPECT_EQ(first_event(port), first) << "the record of events began anew";
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    counted(daemon.out(), "a");
}

TEST_F(UpgradeInPlace, LosesNoSignal) {
    Process daemon({binary(), "run"}, {.env = {{"PILOTFISH_WORKERS", "web"},
                                               {"PILOTFISH_WORKER_WEB_COMMAND", ticker("a")}}});
    daemon.wait_line("a 20");
    replace_by_script("", "kill -TERM $$");
    daemon.signal(SIGUSR2);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_NE(daemon.err().find("upgraded in place"), std::string::npos) << daemon.err();
}

TEST_F(UpgradeInPlace, GoesOnAsBeforeIfTheNewBinaryIsBroken) {
    Process daemon({binary(), "run"}, {.env = {{"PILOTFISH_WORKERS", "web"},
                                               {"PILOTFISH_WORKER_WEB_COMMAND", ticker("a")}}});
    daemon.wait_line("a 20");
    const auto before = children_of(daemon.pid());
    const auto refused = [&](const std::string& content, const std::string& why) {
        replace_binary(content);
        daemon.signal(SIGUSR2);
        daemon.wait_error_line(why);
    };
    refused("#!/bin/sh\necho hello\n", "going on as before: hello");
    refused("#!/bin/sh\n", "exited with code 0 and said nothing");
    refused("#!/bin/sh\necho no such option >&2\nexit 2\n", "going on as before: no such option");
    refused("#!/bin/sh\nkill -SEGV $$\n", "was killed by SIGSEGV");
    refused(
        "\x7f"
        "ELF and nothing",
        "cannot upgrade to " + binary());
    fs::remove(binary());
    daemon.signal(SIGUSR2);
    daemon.wait_error_line("cannot upgrade to " + binary());
    // It is good when it is tried, and bad when it counts.
    replace_binary("#!/bin/sh\n[ -e " + file("tried") + " ] && exit 3\n: > " + file("tried") +
                   "\nexec " + pilotfish() + " \"$@\"\n");
    daemon.signal(SIGUSR2);
    daemon.wait_error_line("exited with code 3");
    EXPECT_EQ(children_of(daemon.pid()), before);
    // Nothing of this stands in the way of a good one.
    replace_by_script("", "");
    upgrade(daemon);
    EXPECT_EQ(children_of(daemon.pid()), before);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_GT(counted(daemon.out(), "a"), 20);
}

TEST_F(UpgradeInPlace, BringsAboutWhatTheConfigurationSaysByThen) {
    Process daemon({binary(), "run"},
                   {.env = {{"PILOTFISH_WORKERS", "keep,change,drop"},
                            {"PILOTFISH_WORKER_KEEP_COMMAND", ticker("k")},
                            {"PILOTFISH_WORKER_CHANGE_COMMAND", ticker("before")},
                            {"PILOTFISH_WORKER_DROP_COMMAND", ticker("d")}}});
    daemon.wait_line("k 20");
    const std::string other =
        "unset PILOTFISH_WORKER_DROP_COMMAND\nexport PILOTFISH_WORKERS=keep,change,added "
        "PILOTFISH_WORKER_CHANGE_COMMAND='" +
        ticker("after") + "' PILOTFISH_WORKER_ADDED_COMMAND='" + ticker("n") + "'\n";
    replace_binary("#!/bin/sh\n" + other + "exec " + pilotfish() + " \"$@\"\n");
    upgrade(daemon);
    daemon.wait_error_line("drop was killed by SIGTERM");
    daemon.wait_line("n 20");
    daemon.wait_line("after 20");
    EXPECT_EQ(children_of(daemon.pid()).size(), 3u);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_GT(counted(daemon.out(), "k"), 20);
}

TEST_F(UpgradeInPlace, KeepsTheEntrypointsCommandAndItsCode) {
    Process daemon({binary(), "--", "bash", "-c",
                    "trap 'exit 7' TERM; echo up; read line; echo got $line; sleep 1000 & wait"},
                   {.env = {{"PILOTFISH_SIGNALS", "own"}}});
    daemon.wait_line("up");
    upgrade(daemon);
    upgrade(daemon);
    daemon.write("hello\n");
    daemon.wait_line("got hello");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(7));
}

TEST_F(UpgradeInPlace, AsTheFirstProcessOfANamespace) {
    const std::vector<std::string> unshare = {"unshare", "-Urpf", "--mount-proc", "--kill-child"};
    auto probe = unshare;
    probe.push_back("true");
    if (!(run(probe).end == exited(0))) GTEST_SKIP() << "no PID namespace may be made here";
    auto command = unshare;
    command.insert(command.end(), {binary(), "run"});
    Process outer(command, {.env = {{"PILOTFISH_WORKERS", "web"},
                                    {"PILOTFISH_WORKER_WEB_COMMAND", ticker("a")}}});
    outer.wait_line("a 20");
    const pid_t daemon = children_of(outer.pid()).front();
    const auto before = children_of(daemon);
    for (int i = 0; i < 2; ++i) {
        kill(daemon, SIGUSR2);
        outer.wait_error_line("upgraded in place");
    }
    EXPECT_EQ(children_of(daemon), before);
    kill(daemon, SIGTERM);
    EXPECT_EQ(outer.wait(), exited(0));
    EXPECT_GT(counted(outer.out(), "a"), 20);
}

}  // namespace
}  // namespace pilotfish::e2e
