// What a worker inherits: the same with pilotfish between as without it.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

class Inheritance : public EndToEnd {};

// The lines of `report` that begin with a word, the names of pipes left out: each run has its own.
std::vector<std::string> facts(const std::string& report, const std::string& word) {
    std::vector<std::string> result;
    std::istringstream lines(report);
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with(word)) continue;
        if (const std::size_t pipe = line.find("pipe:["); pipe != std::string::npos)
            line.erase(pipe, line.find(']', pipe) - pipe);
        result.push_back(line);
    }
    return result;
}

struct Pair {
    std::string bare, supervised;
};

Pair both(const StartOptions& options) {
    const Outcome bare = run({program("report")}, options);
    const Outcome supervised = run(entrypoint({program("report")}), options);
    EXPECT_EQ(bare.end, exited(0));
    EXPECT_EQ(supervised.end, exited(0)) << supervised.err;
    return {bare.out, supervised.out};
}

void expect_same(const Pair& reports, const std::string& word) {
    EXPECT_FALSE(facts(reports.bare, word).empty()) << reports.bare;
    EXPECT_EQ(facts(reports.bare, word), facts(reports.supervised, word));
}

TEST_F(Inheritance, OfSignalsIsWhatItWasWithoutUs) { expect_same(both({}), "Sig"); }

TEST_F(Inheritance, OfIgnoredSignalsIsKept) {
    const Pair reports = both({.in_child = [] {
        signal(SIGHUP, SIG_IGN);  // nohup
        signal(SIGPIPE, SIG_IGN);
        signal(SIGUSR1, SIG_IGN);
        signal(SIGTTOU, SIG_IGN);
        signal(SIGRTMIN + 5, SIG_IGN);
    }});
    expect_same(reports, "SigIgn");
    expect_same(reports, "Sig");
}

TEST_F(Inheritance, OfBlockedSignalsIsKept) {
    const Pair reports = both({.in_child = [] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR2);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGRTMAX);
        sigprocmask(SIG_BLOCK, &set, nullptr);
    }});
    expect_same(reports, "SigBlk");
}

TEST_F(Inheritance, OfSigpipeIsTheDefaultSoThatAPipelineEnds) {
    EXPECT_EQ(
        run(entrypoint({"bash", "-c", "yes | head -n 1 >/dev/null; exit ${PIPESTATUS[0]}"})).end,
        exited(128 + SIGPIPE));
}

TEST_F(Inheritance, OfAnIgnoredSigchldLosesNoExitStatus) {
    EXPECT_EQ(
        run(entrypoint({"sh", "-c", "exit 9"}), {.in_child = [] { signal(SIGCHLD, SIG_IGN); }}).end,
        exited(9));
}

TEST_F(Inheritance, OfDescriptorsIsExactWithNoneAndWithThousand) {
    expect_same(both({}), "fd");
    const Pair reports = both({.in_child = [] {
        const int null = open("/dev/null", O_RDWR);
        for (int i = 0; i < 1023; ++i) (void)dup(null);
    }});
    EXPECT_GE(facts(reports.bare, "fd").size(), 1024u);
    expect_same(reports, "fd");
}

TEST_F(Inheritance, OfAnInheritedDescriptorIsNotHeldByUs) {
    // The reader of a pipe sees its end when main closed its copy, although we still run.
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    {
        Process daemon(entrypoint(
            {"sh", "-c", "exec " + std::to_string(ends[1]) + ">&-; echo closed; read line"}));
        close(ends[1]);
        daemon.wait_line("closed");
        char byte;
        EXPECT_EQ(read(ends[0], &byte, 1), 0);
        daemon.write("\n");
        EXPECT_EQ(daemon.wait(), exited(0));
    }
    close(ends[0]);
}

bool is_standard(const std::string& line) {
    return line.starts_with("fd 0 ") || line.starts_with("fd 1 ") || line.starts_with("fd 2 ");
}

TEST_F(Inheritance, OfClosedStandardStreamsGivesTheWorkerNothingOfOurs) {
    const tests::TempDir dir;
    const std::string file = dir.path() + "/report";
    const std::vector<std::string> worker = {"sh", "-c",
                                             program("report") + " >" + file + "; exit 7"};
    for (const std::vector<int>& closed : {std::vector<int>{0}, {1}, {2}, {0, 1, 2}}) {
        const StartOptions options = {.in_child = [&closed] {
            for (const int fd : closed) close(fd);
        }};
        EXPECT_EQ(run(worker, options).end, exited(7));
        std::vector<std::string> bare = facts(tests::read_file(file), "fd");
        const Outcome outcome = run(entrypoint(worker), options);
        EXPECT_EQ(outcome.end, exited(7)) << outcome.err;
        std::vector<std::string> supervised = facts(tests::read_file(file), "fd");
        for (const std::string& line : supervised) {
            const bool ours = line.find("socket:") != std::string::npos ||
                              line.find("anon_inode") != std::string::npos;
            EXPECT_FALSE(ours) << line;
        }
        // A closed one may be /dev/null, so that the first file a program opens is not its output.
        std::erase_if(bare, is_standard);
        std::erase_if(supervised, is_standard);
        EXPECT_EQ(bare, supervised);
    }
}

TEST_F(Inheritance, OfDirectoryUmaskAndUserIsKept) {
    const tests::TempDir dir;
    const Pair reports = both({.in_child = [] { umask(027); }, .cwd = dir.path()});
    for (const char* word : {"cwd", "umask", "uid", "gid"}) expect_same(reports, word);
}

TEST_F(Inheritance, OfTheDirectoryDoesNotPinItsMount) {
    const tests::TempDir dir;
    Process daemon(entrypoint({"sh", "-c", "cd /; echo up; read line"}), {.cwd = dir.path()});
    daemon.wait_line("up");
    // We leave it beside the worker, which may have spoken before.
    EXPECT_TRUE(eventually([&daemon] {
        std::string cwd(4096, '\0');
        const ssize_t size = readlink(("/proc/" + std::to_string(daemon.pid()) + "/cwd").c_str(),
                                      cwd.data(), cwd.size());
        return size > 0 && cwd.substr(0, static_cast<std::size_t>(size)) == "/";
    }));
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(Inheritance, OfTheEnvironmentIsWithoutOurSettingsAndWithTheHints) {
    const Outcome outcome =
        run(entrypoint({program("report")}), {.env = {{"GOMAXPROCS", "7"}, {"OWN", "a b=c"}}});
    const std::vector<std::string> env = facts(outcome.out, "env ");
    const auto has = [&env](const std::string& line) {
        return std::ranges::find(env, "env " + line) != env.end();
    };
    EXPECT_TRUE(has("OWN=a b=c"));
    EXPECT_TRUE(has("GOMAXPROCS=7")) << "the user's own value was overwritten";
    EXPECT_TRUE(has("PILOTFISH_WORKER=main"));
    EXPECT_FALSE(has("PILOTFISH_ADMIN_LISTEN=off"));
}

TEST_F(Inheritance, OfALowFileLimitIsEnough) {
    EXPECT_EQ(run(entrypoint({"sh", "-c", "test $(ulimit -n) = 64"}),
                  {.in_child =
                       [] {
                           const rlimit few = {64, 64};
                           setrlimit(RLIMIT_NOFILE, &few);
                       }})
                  .end,
              exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
