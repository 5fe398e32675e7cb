// pilotfish under the names of small inits. Each case says what is expected of both; where the real
// program is installed it has to pass the same case, so that nothing is expected that is not so.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <regex>
#include <vector>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

namespace fs = std::filesystem;
using Environment = std::map<std::string, std::string>;
using Words = std::vector<std::string>;

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class DropIn : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        for (const std::string name : {"tini", "docker-init", "dumb-init"})
            fs::create_symlink(pilotfish(), links_.path() + "/" + name);
    }

    // Our link, and the real program where it is here.
    std::vector<std::string> both(const std::string& name) const {
        std::vector<std::string> programs = {ours(name)};
        if (fs::exists("/usr/bin/" + name)) programs.push_back("/usr/bin/" + name);
        return programs;
    }

    std::string ours(const std::string& name) const { return links_.path() + "/" + name; }

    static Words with(const std::string& init, Words rest) {
        rest.insert(rest.begin(), init);
        return rest;
    }

    const tests::TempDir links_;
};

struct Case {
    Words arguments;
    int code;
    std::string err = {};  // a part of standard error; empty: nothing is expected of it
    Environment env = {};
    std::string out = {};  // the same of standard output
};

void expect(const std::string& init, const Case& wanted) {
    std::string line = init;
    for (const std::string& word : wanted.arguments) line += " " + word;
    SCOPED_TRACE(line);
    Words command = wanted.arguments;
    command.insert(command.begin(), init);
    const Outcome outcome = run(command, {.env = wanted.env});
    EXPECT_EQ(outcome.end, exited(wanted.code)) << outcome.err;
    EXPECT_TRUE(has(outcome.err, wanted.err)) << outcome.err;
    EXPECT_TRUE(has(outcome.out, wanted.out)) << outcome.out;
}

TEST_F(DropIn, TiniEndsAsTiniDoesAndSaysWhatScriptsMatch) {
    const std::vector<Case> cases = {
        {{"-s", "--", "sh", "-c", "exit 7"}, 7},
        {{"-s", "--", "sh", "-c", "kill -TERM $$"}, 143},
        {{"-s", "-e", "143", "--", "sh", "-c", "kill -TERM $$"}, 0},
        {{"-s", "-e", "3", "-e", "4", "--", "sh", "-c", "exit 3"}, 0},
        {{"-s", "-e", "256", "true"}, 1, "] Not a valid option for -e: 256"},
        {{"-s", "-p", "TERM", "true"}, 1, "] Not a valid option for -p: TERM"},
        {{"-s", "-p", "SIGTERM", "true"}, 0},
        {{"-s", "nosuch"}, 127, "] exec nosuch failed: No such file or directory"},
        {{"-s", "/etc"}, 126, "] exec /etc failed: Permission denied"},
        {{"-Z", "true"}, 1, "invalid option -- 'Z'"},
        {{"-s", "true", "--version"}, 1, "invalid option -- '-'"},
        {{}, 1, "TINI_SUBREAPER"},
        {{"--"}, 1, "TINI_SUBREAPER"},
        {{"true"}, 0, "isn't registered as a child subreaper.\nZombie processes will not be"},
        {{"nosuch"}, 127, "FATAL tini (", {{"TINI_VERBOSITY", "0"}}},
        {{"-s", "-vvv", "--", "sh", "-c", "exit 2"}, 2, "", {}, "status '2')"},
        {{"-svvv", "--", "sh", "-c", "kill -9 $$"}, 137, "", {}, "with signal 'Killed')"},
        {{"-s", "true"}, 0, "", {{"TINI_VERBOSITY", "2"}}, "Spawned child process 'true' with pid"},
        {{"-s", "-w", "--", "sh", "-c", "(sleep 0.05 &); sleep 0.3"}, 0, "] Reaped zombie process"},
        {{"-h"}, 0, "", {}, "TINI_KILL_PROCESS_GROUP"},
        {{"--version"}, 0, "", {}, "tini version 0.19.0"},
        {{"-l"}, 0, "", {}, "icense"},
    };
    for (const std::string& init : both("tini"))
        for (const Case& wanted : cases) expect(init, wanted);
    expect(ours("docker-init"), {{"--version"}, 0, "", {}, "tini version 0.19.0 - "});
}

TEST_F(DropIn, TiniIsQuietAsASubreaperByVariable) {
    for (const std::string& init : both("tini")) {
        const Outcome outcome = run({init, "true"}, {.env = {{"TINI_SUBREAPER", ""}}});
        EXPECT_EQ(outcome.err, "") << init;
        EXPECT_EQ(outcome.out, "") << init;
    }
}

TEST_F(DropIn, DumbInitEndsAsDumbInitDoesAndSaysWhatScriptsMatch) {
    const std::vector<Case> cases = {
        {{"sh", "-c", "exit 7"}, 7},
        {{"--", "sh", "-c", "kill -TERM $$"}, 143},
        {{"nosuch"}, 2, "[dumb-init] nosuch: No such file or directory"},
        {{"/etc"}, 2, "[dumb-init] /etc: Permission denied"},
        {{"-r", "15", "true"}, 1, "where <signum> is between 1 and 31"},
        {{"-r", "15:32", "true"}, 1, "where <signum> is between 1 and 31"},
        {{"-r", "0:15", "true"}, 1, "where <signum> is between 1 and 31"},
        {{"--rewrite=15:0", "true"}, 0},
        {{"-Z", "true"}, 1, "invalid option -- 'Z'"},
        {{"--nope", "true"}, 1, "unrecognized option '--nope'"},
        {{"-r"}, 1, "option requires an argument -- 'r'"},
        {{}, 1, " [option] program [args]\nTry "},
        {{"true", "--nope"}, 0},
        {{"-v", "sh", "-c", "exit 3"}, 3, "[dumb-init] Child exited with status 3. Goodbye."},
        {{"true"}, 0, "[dumb-init] Running in debug mode.", {{"DUMB_INIT_DEBUG", "1"}}},
        {{"-v", "true"}, 0, "Not running in setsid mode.", {{"DUMB_INIT_SETSID", "0"}}},
        {{"-v", "true"}, 0, "[dumb-init] setsid complete."},
        {{"-V"}, 0, "dumb-init v1.2.5"},
        {{"--help"}, 0, "--single-child"},
    };
    for (const std::string& init : both("dumb-init"))
        for (const Case& wanted : cases) expect(init, wanted);
}

// Signal state, session and group of the program, as the kernel shows them; without what is a pid.
std::string surroundings(const Words& init, const StartOptions& options) {
    Words command = init;
    command.insert(command.end(),
                   {"sh", "-c",
                    "grep Sig[BI] /proc/self/status; read -r p n s pp g sid rest "
                    "</proc/self/stat; [ $p = $g ] && echo leads a group; "
                    "[ $p = $sid ] && echo leads a session; env | grep -v ^_= | sort"});
    return run(command, options).out;
}

TEST_F(DropIn, TheProgramFindsTheSameSignalsSessionAndEnvironment) {
    const StartOptions plain = {.env = {{"PILOTFISH_NO_SUCH_SETTING", "kept"}, {"A", "b"}}};
    StartOptions ignoring = plain;
    ignoring.in_child = [] {
        signal(SIGHUP, SIG_IGN);
        signal(SIGPIPE, SIG_IGN);
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGUSR2);
        sigprocmask(SIG_BLOCK, &mask, nullptr);
    };
    const std::vector<Words> lines = {
        {"tini", "-s", "--"}, {"tini", "-s", "-g", "--"}, {"dumb-init"}, {"dumb-init", "-c"}};
    for (const Words& line : lines) {
        for (const StartOptions& options : {plain, ignoring}) {
            Words own = line;
            own[0] = ours(line[0]);
            const std::string seen = surroundings(own, options);
            EXPECT_TRUE(has(seen, "PILOTFISH_NO_SUCH_SETTING=kept\n")) << seen;
            EXPECT_FALSE(has(seen, "PILOTFISH_WORKER")) << seen;
            if (!fs::exists("/usr/bin/" + line[0])) continue;
            Words real = line;
            real[0] = "/usr/bin/" + line[0];
            EXPECT_EQ(seen, surroundings(real, options)) << line[0];
        }
    }
}

TEST_F(DropIn, HandsEverySignalOnToItsChild) {
    for (const Words& line : {Words{"tini", "-s", "--"},
                              {"tini", "-s", "-g", "--"},
                              {"dumb-init"},
                              {"dumb-init", "-c"}}) {
        for (const std::string& init : both(line[0])) {
            SCOPED_TRACE(init + " " + line.back());
            Words command = line;
            command[0] = init;
            // Not what the processor raises, of which tini dies, nor job control.
            const std::vector<int> numbers = {SIGHUP,  SIGINT,    SIGQUIT, SIGUSR1,
                                              SIGUSR2, SIGPIPE,   SIGALRM, SIGTERM,
                                              SIGCONT, SIGVTALRM, SIGWINCH};
            command.insert(command.end(),
                           {program("signal_recorder"), std::to_string(numbers.size())});
            Process process(command);
            process.wait_line("ready");
            for (const int number : numbers) {
                process.signal(number);
                process.wait_line("signal " + std::to_string(number) + " ");
            }
            EXPECT_EQ(process.wait(), exited(0));
        }
    }
}

TEST_F(DropIn, WholeGroupOrProcessAloneIsTold) {
    // The child of the program is in its group: told by -g and by dumb-init's sessions only.
    const std::vector<std::pair<Words, bool>> lines = {{{"tini", "-s", "--"}, false},
                                                       {{"tini", "-s", "-g", "--"}, true},
                                                       {{"dumb-init"}, true},
                                                       {{"dumb-init", "-c"}, false}};
    for (const auto& [line, group] : lines) {
        for (const std::string& init : both(line[0])) {
            SCOPED_TRACE(init + " " + line.back());
            Words command = line;
            command[0] = init;
            command.insert(command.end(),
                           {"bash", "-c",
                            "trap 'echo outer' TERM; bash -c 'trap \"echo inner; "
                            "exit\" TERM; echo ready; while :; do sleep 0.02; done' & "
                            "wait; wait; echo over"});
            Process process(command);
            process.wait_line("ready");
            process.signal(SIGTERM);
            if (group) {
                process.wait_line("over");
                EXPECT_EQ(process.wait(), exited(0));
                EXPECT_TRUE(has(process.out(), "inner"));
            } else {
                process.wait_line("outer");
                for (const pid_t child : children_of(process.pid()))
                    for (const pid_t inner : children_of(child)) kill(inner, SIGTERM);
                process.wait_line("over");
                EXPECT_EQ(process.wait(), exited(0));
            }
            EXPECT_TRUE(has(process.out(), "outer")) << process.out();
        }
    }
}

TEST_F(DropIn, DumbInitRewritesAndDropsSignals) {
    for (const std::string& init : both("dumb-init")) {
        Process process({init, "-r", "15:10", "--rewrite", "1:0", program("signal_recorder"), "2"});
        process.wait_line("ready");
        process.signal(SIGHUP);  // nothing comes of it
        process.signal(SIGTERM);
        process.wait_line("signal " + std::to_string(SIGUSR1) + " ");
        process.signal(SIGUSR2);
        process.wait_line("signal " + std::to_string(SIGUSR2) + " ");
        EXPECT_EQ(process.wait(), exited(0)) << init;
    }
}

TEST_F(DropIn, DumbInitStopsWithItsSessionAndEndsWhatIsLeftOfIt) {
    for (const std::string& init : both("dumb-init")) {
        SCOPED_TRACE(init);
        Process process({init, "sh", "-c", "sleep 1000 & echo ready $!; wait"});
        const pid_t sleeper = std::stoi(process.wait_line("ready").substr(6));
        process.signal(SIGTSTP);
        ASSERT_TRUE(eventually([&] {
            return status_field(sleeper, "State").starts_with("T") &&
                   status_field(process.pid(), "State").starts_with("T");
        }));
        process.signal(SIGCONT);
        ASSERT_TRUE(eventually([&] { return status_field(sleeper, "State").starts_with("S"); }));
        process.signal(SIGTERM);
        EXPECT_EQ(process.wait(), exited(143));
        EXPECT_TRUE(eventually(
            [&] { return !exists(sleeper) || status_field(sleeper, "State").starts_with("Z"); }));
    }
}

TEST_F(DropIn, OnATerminalTheProgramHasIt) {
    for (const Words& line : {Words{"tini", "-s", "--"}, {"dumb-init"}}) {
        for (const std::string& init : both(line[0])) {
            SCOPED_TRACE(init);
            Words command = line;
            command[0] = init;
            command.insert(command.end(), {"bash", "-c",
                                           "trap 'echo interrupted; exit 5' INT; echo ready; "
                                           "while :; do sleep 0.02; done"});
            Process process(command, {.terminal = true});
            process.wait_line("ready");
            process.write("\x03");
            process.wait_line("interrupted");
            EXPECT_EQ(process.wait(), exited(5));
        }
    }
}

TEST_F(DropIn, ReapsOrphansAsASubreaper) {
    for (const std::string& init : both("tini")) {
        Process process(
            {init, "-s", "--", "sh", "-c", "(sh -c 'echo orphan $$' &); exec sleep 1000"});
        const pid_t orphan = std::stoi(process.wait_line("orphan").substr(7));
        EXPECT_TRUE(eventually([&] { return !exists(orphan); })) << init;
        process.signal(SIGTERM);
        EXPECT_EQ(process.wait(), exited(143));
    }
}

TEST_F(DropIn, NoPortNoThreadAndNothingMadeOfPilotfishsVariables) {
    for (const std::string name : {"tini", "dumb-init"}) {
        const int port = free_port();
        Process process({ours(name), "--", "sh", "-c", "echo ready; exec sleep 1000"},
                        {.env = {{"PILOTFISH_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(port)},
                                 {"PILOTFISH_STOP_TIMEOUT", "nonsense"}}});
        process.wait_line("ready");
        EXPECT_EQ(status_field(process.pid(), "Threads"), "1");
        EXPECT_EQ(http_get(port, "/livez").status, 0);
        process.signal(SIGTERM);
        EXPECT_EQ(process.wait(), exited(143));
    }
}

// What is better than theirs, and nobody can rely on the other way.
TEST_F(DropIn, SignalsAboveThirtyOneArriveWithTheirValues) {
    for (const Words& line : {Words{"tini", "-s", "--"}, {"dumb-init", "-c"}}) {
        Words command = line;
        command[0] = ours(line[0]);
        command.insert(command.end(), {program("signal_recorder"), "1"});
        Process process(command);
        process.wait_line("ready");
        sigval payload = {};
        payload.sival_int = 42;
        ASSERT_EQ(sigqueue(process.pid(), SIGRTMIN + 6, payload), 0);
        EXPECT_EQ(process.wait_line("signal"),
                  "signal " + std::to_string(SIGRTMIN + 6) + " value 42");
        EXPECT_EQ(process.wait(), exited(0));
    }
}

TEST_F(DropIn, EndsAlsoWhenItsStarterIgnoredTheDeathOfChildren) {
    const StartOptions ignoring = {.in_child = [] { signal(SIGCHLD, SIG_IGN); }};
    EXPECT_EQ(run({ours("tini"), "-s", "--", "sh", "-c", "exit 4"}, ignoring).end, exited(4));
    EXPECT_EQ(run({ours("dumb-init"), "sh", "-c", "exit 4"}, ignoring).end, exited(4));
}

TEST_F(DropIn, KeepsNoInheritedDescriptorOpen) {
    for (const std::string name : {"tini", "dumb-init"}) {
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
        Process process({ours(name), "--", "sh", "-c", "echo ready; exec 9>&-; exec sleep 1000"},
                        {.in_child = [&] { dup2(ends[1], 9); }});
        close(ends[1]);
        process.wait_line("ready");
        char byte;
        EXPECT_EQ(read(ends[0], &byte, 1), 0) << "the last holder let go";
        close(ends[0]);
        process.signal(SIGTERM);
        process.wait();
    }
}

TEST_F(DropIn, AFullPipeOfItsOwnLinesHoldsUpNoSignal) {
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
    ASSERT_EQ(fcntl(ends[1], F_SETFL, O_NONBLOCK), 0);
    const std::string filling(65536, 'x');
    while (write(ends[1], filling.data(), filling.size()) > 0) {
    }
    ASSERT_EQ(fcntl(ends[1], F_SETFL, 0), 0);
    Process process({ours("dumb-init"), "-v", "sh", "-c", "echo ready; exec sleep 1000"},
                    {.in_child = [&] { dup2(ends[1], 2); }});
    process.wait_line("ready");
    process.signal(SIGTERM);
    EXPECT_EQ(process.wait(), exited(143));
    close(ends[0]);
    close(ends[1]);
}

}  // namespace
}  // namespace pilotfish::e2e
