// What becomes of workers' output in each LOG mode, and who asks for it later.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

// What chunks (RFC 9112, 7.1) are put together to.
std::string joined(std::string_view chunks) {
    std::string whole;
    for (std::size_t line; (line = chunks.find("\r\n")) != chunks.npos;) {
        const std::size_t size = std::stoul(std::string(chunks.substr(0, line)), nullptr, 16);
        if (size == 0) break;
        whole += chunks.substr(line + 2, size);
        chunks.remove_prefix(line + 2 + size + 2);
    }
    return whole;
}

class Logs : public EndToEnd {
  protected:
    std::map<std::string, std::string> environment(std::map<std::string, std::string> more) const {
        more["PILOTFISH_ADMIN_LISTEN"] = "127.0.0.1:" + std::to_string(port_);
        return more;
    }
    std::string url(const std::string& path) const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    Answer logs_of(const std::string& worker, const std::string& query = "") const {
        Answer answer = http_get(port_, "/v1/workers/" + worker + "/logs" + query);
        if (answer.head.find("chunked") != std::string::npos) answer.body = joined(answer.body);
        return answer;
    }

    const int port_ = free_port();
    const tests::TempDir dir_;
};

std::string shell(const std::string& script) { return R"(["bash","-c",")" + script + R"("])"; }

TEST_F(Logs, AreShownByStreamWithWhatIsAskedFor) {
    Process daemon(
        {pilotfish(), "run"},
        {.env = environment({{"PILOTFISH_WORKERS", "web"},
                             {"PILOTFISH_WORKER_WEB_COMMAND",
                              shell("echo one; echo two >&2; echo three; exec sleep 1000")}})});
    daemon.wait_line("three");
    // Two pipes, so their order is not fixed.
    ASSERT_TRUE(eventually([&] { return logs_of("web").body.find("two") != std::string::npos; }));
    EXPECT_EQ(logs_of("web", "?format=text&stream=stdout").body, "one\nthree\n");
    EXPECT_EQ(logs_of("web", "?format=text&stream=stdout&tail=1").body, "three\n");
    const std::string line = logs_of("web", "?stream=stderr").body;
    EXPECT_NE(line.find(R"("stream":"stderr","line":"two"})"), std::string::npos) << line;
    EXPECT_EQ(logs_of("none").status, 404);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Logs, ThatAreNotSeenSayWhichSettingToChange) {
    Process daemon({pilotfish(), "--", "sh", "-c", "echo up; read line"}, {.env = environment({})});
    daemon.wait_line("up");
    const Answer answer = logs_of("main");
    EXPECT_EQ(answer.status, 409);
    EXPECT_NE(answer.body.find("PILOTFISH_WORKER_MAIN_LOG=inherit"), std::string::npos)
        << answer.body;
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Logs, AreFollowedOverARestartUntilTheDaemonsEnd) {
    Process daemon(
        {pilotfish(), "run"},
        {.env = environment({{"PILOTFISH_WORKERS", "web"},
                             {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "0"},
                             {"PILOTFISH_WORKER_WEB_COMMAND",
                              shell("echo run $$; read line < " + dir_.path() + "/go")}})});
    ASSERT_EQ(mkfifo((dir_.path() + "/go").c_str(), 0600), 0);
    Process follower({"curl", "-sSN", url("/v1/workers/web/logs?follow&format=text")}, {.env = {}});
    // Before the fifo was there the first runs may have ended at once; that is a restart too.
    const std::string first = follower.wait_line("run ");
    ASSERT_EQ(run({"sh", "-c", "echo > " + dir_.path() + "/go"}).end, exited(0));
    const std::string second = follower.wait_line("run ");
    EXPECT_NE(first, second);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    EXPECT_EQ(follower.wait(), exited(0)) << "its body was whole: " << follower.err();
}

TEST_F(Logs, WithTeeAreTheWorkersBytes) {
    const std::string bytes = dir_.path() + "/bytes";
    ASSERT_EQ(
        run({"bash", "-c",
             "head -c 3000000 /dev/urandom > " + bytes + "; printf 'no end\\r\\0x' >> " + bytes})
            .end,
        exited(0));
    const Outcome outcome =
        run({"bash", "-c",
             "'" + pilotfish() + "' -- cat " + bytes + " > " + bytes + ".out; cmp " + bytes + " " +
                 bytes + ".out && echo the same"},
            {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}, {"PILOTFISH_WORKER_MAIN_LOG", "tee"}}});
    EXPECT_NE(outcome.out.find("the same"), std::string::npos) << outcome.out << outcome.err;
}

TEST_F(Logs, InAFileAreRotatedWithoutALoss) {
    const std::string path = dir_.path() + "/web.log";
    Process daemon({pilotfish(), "run"},
                   {.env = environment({{"PILOTFISH_WORKERS", "web"},
                                        {"PILOTFISH_WORKER_WEB_RESTART", "never"},
                                        {"PILOTFISH_WORKER_WEB_LOG", "file:" + path},
                                        {"PILOTFISH_WORKER_WEB_LOG_MAX_SIZE", "16Ki"},
                                        {"PILOTFISH_WORKER_WEB_LOG_MAX_FILES", "100"},
                                        {"PILOTFISH_WORKER_WEB_COMMAND", "[\"seq\",\"50000\"]"}})});
    EXPECT_EQ(daemon.wait(), exited(0));
    std::string all;
    std::size_t files = 1;
    while (access((path + "." + std::to_string(files)).c_str(), F_OK) == 0) ++files;
    for (std::size_t number = files - 1; number >= 1; --number) {
        const std::string text = tests::read_file(path + "." + std::to_string(number));
        EXPECT_LE(text.size(), 16384u);
        all += text;
    }
    all += tests::read_file(path);
    std::string expected;
    for (int i = 1; i <= 50'000; ++i) expected += std::to_string(i) + "\n";
    EXPECT_EQ(all.size(), expected.size());
    EXPECT_EQ(all, expected);
    EXPECT_GT(files, 10u);
}

TEST_F(Logs, TwoWorkersDoNotShareAFile) {
    const Outcome outcome =
        run({pilotfish(), "run"}, {.env = {{"PILOTFISH_WORKERS", "a,b"},
                                           {"PILOTFISH_WORKER_A_COMMAND", "true"},
                                           {"PILOTFISH_WORKER_B_COMMAND", "true"},
                                           {"PILOTFISH_WORKER_A_LOG", "file:/l/x"},
                                           {"PILOTFISH_WORKER_B_LOG", "file:/l/x"}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_NE(outcome.err.find("a file of its own"), std::string::npos) << outcome.err;
}

// A worker's end is its process's end; who holds its pipes is another matter, and the container's
// end waits for that no longer than for any other descendant.
TEST_F(Logs, AreNotHeldOpenByAGrandchild) {
    Process daemon(
        {pilotfish(), "run"},
        {.env = environment(
             {{"PILOTFISH_WORKERS", "web"},
              {"PILOTFISH_STOP_TIMEOUT", "2s"},
              {"PILOTFISH_WORKER_WEB_RESTART", "never"},
              {"PILOTFISH_WORKER_WEB_COMMAND",
               shell("(trap '' TERM; exec setsid sleep 1000) & printf 'half a line'; exit 3")}})});
    ASSERT_TRUE(eventually([&] {
        const Answer answer = http_get(port_, "/v1/workers/web");
        return answer.body.find(R"("up":false)") != std::string::npos ||
               answer.status == 0;  // or the container is over
    }));
    EXPECT_EQ(daemon.wait(), exited(3));
    EXPECT_NE(daemon.out().find("web | half a line\n"), std::string::npos) << daemon.out();
}

TEST_F(Logs, OfThreeNoisyWorkersAreKeptAndShownWhileNobodyReadsOurOutput) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    const std::string noise = shell(
        "for i in {1..40}; do yes a line of log | head -n 20000; done; echo through >&2; "
        "exec sleep 1000");
    Process daemon({pilotfish(), "run"}, {.env = environment({{"PILOTFISH_WORKERS", "a,b,c"},
                                                              {"PILOTFISH_WORKER_A_COMMAND", noise},
                                                              {"PILOTFISH_WORKER_B_COMMAND", noise},
                                                              {"PILOTFISH_WORKER_B_LOG", "json"},
                                                              {"PILOTFISH_WORKER_C_COMMAND", noise},
                                                              {"PILOTFISH_WORKER_C_LOG", "tee"}}),
                                          .in_child = [&ends] { dup2(ends[1], STDOUT_FILENO); }});
    for (const std::string worker : {"a", "b", "c"}) {
        EXPECT_TRUE(eventually([&] {
            return logs_of(worker, "?format=text&stream=stderr").body == "through\n";
        })) << worker;
        const std::string about = http_get(port_, "/v1/workers/" + worker).body;
        EXPECT_NE(about.find(R"("log_lines":800001,)"), std::string::npos) << about;
        EXPECT_EQ(about.find(R"("log_lines_dropped":0)"), std::string::npos) << about;
    }
    EXPECT_EQ(http_get(port_, "/livez").status, 200);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace pilotfish::e2e
