// Workers in groups of their own, on the machine's own hierarchies. Each test's daemon starts in a
// group of the test's, so that tests beside one another do not see what the others leave behind.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"
#include "tests/support/test_support.h"

namespace pilotfish::e2e {
namespace {

namespace fs = std::filesystem;
using Variables = std::map<std::string, std::string>;

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// The directory of our own group in a v1 hierarchy mounted in the usual place; empty: none.
std::string own_directory(const std::string& controller) {
    std::istringstream lines(tests::read_file("/proc/self/cgroup"));
    for (std::string line; std::getline(lines, line);) {
        const std::size_t colon = line.find(':');
        const std::size_t second = line.find(':', colon + 1);
        const std::string names = line.substr(colon + 1, second - colon - 1);
        const bool v2 = controller == "unified" && line.starts_with("0::");
        if (names == controller || v2)
            return "/sys/fs/cgroup/" + controller + line.substr(second + 1);
    }
    return {};
}

class WorkersInGroups : public EndToEnd {
  protected:
    void SetUp() override {
        EndToEnd::SetUp();
        for (const char* controller : {"cpu", "memory", "pids", "unified"}) {
            std::string directory = own_directory(controller);
            if (directory.empty()) GTEST_SKIP() << "no v1 hierarchy " << controller << " here";
            directory += "/pilotfish-test-e2e-" + std::to_string(getpid());
            if (mkdir(directory.c_str(), 0755) != 0)
                GTEST_SKIP() << "cannot make " << directory << ": " << strerror(errno);
            homes_[controller] = directory;
        }
    }
    void TearDown() override {
        EXPECT_EQ(groups(), std::vector<std::string>{}) << "nothing of ours is left";
        for (const auto& [controller, home] : homes_) {
            for (const std::string& left : groups_in(home)) rmdir(left.c_str());
            EXPECT_TRUE(eventually([&] { return rmdir(home.c_str()) == 0; })) << home;
        }
        EndToEnd::TearDown();
    }

    static std::vector<std::string> groups_in(const std::string& home) {
        std::vector<std::string> found;
        for (const auto& entry : fs::directory_iterator(home))
            if (entry.is_directory()) found.push_back(entry.path());
        return found;
    }
    // What pilotfish has made, or left.
    std::vector<std::string> groups() const {
        std::vector<std::string> found;
        for (const auto& [controller, home] : homes_)
            for (std::string& group : groups_in(home)) found.push_back(std::move(group));
        return found;
    }
    StartOptions at_home(Variables variables) const {
        variables.try_emplace("PILOTFISH_ADMIN_LISTEN", "off");
        StartOptions options;
        options.env = std::move(variables);
        options.in_child = [this] {
            for (const auto& [controller, home] : homes_) {
                std::ofstream procs(home + "/cgroup.procs");
                procs << "0" << std::flush;
                if (!procs) _exit(99);
            }
        };
        return options;
    }
    // One worker, web, in `run` mode.
    static Variables web(const std::string& script, Variables more = {}) {
        more["PILOTFISH_WORKERS"] = "web";
        more["PILOTFISH_WORKER_WEB_COMMAND"] = R"(["sh","-c",")" + script + R"("])";
        more.try_emplace("PILOTFISH_WORKER_WEB_RESTART", "never");
        more.try_emplace("PILOTFISH_WORKER_WEB_LOG", "inherit");
        return more;
    }
    std::map<std::string, std::string> homes_;
};

TEST_F(WorkersInGroups, AWorkerIsBornInsideWithItsLimits) {
    // grep is the worker itself: what it reads was so before its first instruction.
    Variables variables = web("", {{"PILOTFISH_WORKER_WEB_CPU", "0.5"},
                                   {"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"},
                                   {"PILOTFISH_WORKER_WEB_PIDS", "20"}});
    variables["PILOTFISH_WORKER_WEB_COMMAND"] =
        R"(["grep","-c","/pilotfish.web.","/proc/self/cgroup"])";
    const Outcome born = run({pilotfish(), "run"}, at_home(variables));
    EXPECT_EQ(born.out, "4\n") << "cpu, memory, pids and the v2 hierarchy; " << born.err;

    Process daemon({pilotfish(), "run"}, at_home(web("echo ready; exec sleep 1000",
                                                     {{"PILOTFISH_WORKER_WEB_CPU", "0.5"},
                                                      {"PILOTFISH_WORKER_WEB_CPU_WEIGHT", "200"},
                                                      {"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"},
                                                      {"PILOTFISH_WORKER_WEB_PIDS", "20"}})));
    daemon.wait_line("ready");
    const auto value = [this](const std::string& controller, const std::string& file) {
        return tests::read_file(groups_in(homes_.at(controller)).at(0) + "/" + file);
    };
    EXPECT_EQ(value("cpu", "cpu.cfs_quota_us"), "50000\n");
    EXPECT_EQ(value("cpu", "cpu.shares"), "2048\n");
    EXPECT_EQ(value("memory", "memory.limit_in_bytes"), "67108864\n");
    EXPECT_EQ(value("pids", "pids.max"), "20\n");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(WorkersInGroups, SharesAreOfTheContainersLimit) {
    std::ofstream(homes_.at("cpu") + "/cpu.cfs_quota_us") << "160000";
    std::ofstream(homes_.at("memory") + "/memory.limit_in_bytes") << (512 << 20);
    Process daemon({pilotfish(), "run"}, at_home(web("echo ready; exec sleep 1000",
                                                     {{"PILOTFISH_WORKER_WEB_CPU", "25%"},
                                                      {"PILOTFISH_WORKER_WEB_MEMORY", "50%"}})));
    daemon.wait_line("ready");
    EXPECT_EQ(tests::read_file(groups_in(homes_.at("cpu")).at(0) + "/cpu.cfs_quota_us"), "40000\n");
    EXPECT_EQ(tests::read_file(groups_in(homes_.at("memory")).at(0) + "/memory.limit_in_bytes"),
              std::to_string(256 << 20) + "\n");
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(WorkersInGroups, MemoryAboveTheCapIsTheWorkersDeathAndNobodyElses) {
    Variables variables = web("", {{"PILOTFISH_WORKER_WEB_MEMORY", "32Mi"}});
    variables["PILOTFISH_WORKER_WEB_COMMAND"] =
        R"(["dd","if=/dev/zero","of=/dev/null","bs=256M","count=1"])";
    const Outcome outcome = run({pilotfish(), "run"}, at_home(variables));
    EXPECT_TRUE(contains(outcome.err, "killed by the kernel: out of memory (worker's limit 32 MiB"))
        << outcome.err;
    EXPECT_EQ(outcome.end, exited(128 + SIGKILL)) << outcome.err;
}

TEST_F(WorkersInGroups, AForkBombIsStoppedByItsCount) {
    const Outcome outcome = run(
        {pilotfish(), "run"},
        at_home(web(
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 1000 & done; echo all",
            {{"PILOTFISH_WORKER_WEB_PIDS", "5"}, {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "1s"}})));
    EXPECT_FALSE(contains(outcome.out, "all")) << "a shell gives up when it cannot fork";
    EXPECT_TRUE(contains(outcome.err, "fork")) << outcome.err;
}

TEST_F(WorkersInGroups, WhoLeftSessionAndFamilyIsToldAndGivenTimeWhenTheWorkerEnds) {
    Variables variables = web("", {{"PILOTFISH_WORKER_WEB_PIDS", "20"},
                                   {"PILOTFISH_WORKERS", "web,other"},
                                   {"PILOTFISH_WORKER_OTHER_COMMAND", "sleep 1000"}});
    variables["PILOTFISH_WORKERS"] = "web,other";
    variables["PILOTFISH_WORKER_WEB_COMMAND"] = program("setsid_escapee") + " leave";
    Process daemon({pilotfish(), "run"}, at_home(variables));
    daemon.wait_line("escapee ");
    daemon.wait_line("escapee done");  // the daemon itself goes on: only the worker is over
    EXPECT_TRUE(daemon.running());
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(WorkersInGroups, WhoLeftSessionAndFamilyAndIsDeafIsKilledByTheGroupsEnd) {
    // The double fork of a daemon, deaf to SIGTERM; its worker is restarted beside nobody.
    Process daemon(
        {pilotfish(), "run"},
        at_home(
            web("(trap '' TERM; setsid sh -c 'trap \\\"\\\" TERM; echo deaf $$; while :; do sleep "
                "1000; done' & ) & wait; sleep 0.1; echo over",
                {{"PILOTFISH_WORKER_WEB_PIDS", "20"},
                 {"PILOTFISH_WORKER_WEB_STOP_TIMEOUT", "300ms"},
                 {"PILOTFISH_WORKER_WEB_RESTART", "always"}})));
    const std::string line = daemon.wait_line("deaf ");
    const pid_t deaf = std::stoi(line.substr(line.find("deaf ") + 5));
    daemon.wait_error_line("left processes behind that did not end: killed them");
    EXPECT_TRUE(eventually([&] { return !exists(deaf); }));
    daemon.wait_line("deaf ");  // the next run
    daemon.signal(SIGTERM);
    daemon.wait();
}

TEST_F(WorkersInGroups, TheGroupIsKeptOverRestarts) {
    Process daemon({pilotfish(), "run"},
                   at_home(web("grep -o 'pilotfish.web.*' /proc/self/cgroup | sort -u",
                               {{"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"},
                                {"PILOTFISH_WORKER_WEB_RESTART", "always"},
                                {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "10ms"}})));
    const std::string first = daemon.wait_line("pilotfish.web.");
    EXPECT_EQ(daemon.wait_line("pilotfish.web."), first);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(WorkersInGroups, WhatAKilledDaemonLeftIsEndedAndRemovedByTheNext) {
    pid_t worker = 0;
    {
        Process daemon({pilotfish(), "run"},
                       at_home(web("echo worker $$; exec sleep 1000",
                                   {{"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"}})));
        const std::string line = daemon.wait_line("worker ");
        worker = std::stoi(line.substr(line.find("worker ") + 7));
        daemon.signal(SIGKILL);
        EXPECT_EQ(daemon.wait(), killed_by(SIGKILL));
    }
    EXPECT_EQ(groups().size(), 2u) << "memory and the v2 hierarchy";
    EXPECT_EQ(kill(worker, 0), 0);
    const Outcome next = run({pilotfish(), "run"},
                             at_home(web("exit 0", {{"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"}})));
    EXPECT_EQ(next.end, exited(0)) << next.err;
    EXPECT_TRUE(contains(
        next.err,
        "groups of 1 workers that a killed daemon had left behind, and killed 1 processes in them"))
        << next.err;
    int status = 0;
    EXPECT_EQ(waitpid(worker, &status, 0), worker) << "it came to us, its reaper";
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(WorkersInGroups, AGroupInWhichEverybodyWasKilledOnceIsNoPlaceToDieAtBirth) {
    std::ofstream kill_all(homes_.at("unified") + "/cgroup.kill");
    kill_all << "1" << std::flush;
    if (!kill_all) GTEST_SKIP() << "no cgroup.kill before Linux 5.14";
    const Outcome outcome =
        run({pilotfish(), "run"}, at_home(web("grep -c pilotfish.web /proc/self/cgroup",
                                              {{"PILOTFISH_WORKER_WEB_PIDS", "20"}})));
    EXPECT_EQ(outcome.out, "3\n") << outcome.err;
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
}

TEST_F(WorkersInGroups, GroupsThatAWorkerMadeBelowItsOwnAreGoneBeforeItsNextRun) {
    Process daemon({pilotfish(), "run"},
                   at_home(web("d=/sys/fs/cgroup/unified$(sed -n s/^0:://p /proc/self/cgroup); "
                               "mkdir $d/inner && echo made $d",
                               {{"PILOTFISH_WORKER_WEB_PIDS", "20"},
                                {"PILOTFISH_WORKER_WEB_RESTART", "always"},
                                {"PILOTFISH_WORKER_WEB_RESTART_DELAY", "10ms"}})));
    const std::string first = daemon.wait_line("made ");
    EXPECT_EQ(daemon.wait_line("made "), first);
    daemon.signal(SIGTERM);
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(WorkersInGroups, WhatADaemonWithMoreHierarchiesLeftIsFoundByOneWithFewer) {
    {
        Process daemon({pilotfish(), "run"}, at_home(web("echo ready; exec sleep 1000",
                                                         {{"PILOTFISH_WORKER_WEB_CPU", "0.5"},
                                                          {"PILOTFISH_WORKER_WEB_PIDS", "20"}})));
        daemon.wait_line("ready");
        daemon.signal(SIGKILL);
        EXPECT_EQ(daemon.wait(), killed_by(SIGKILL));
    }
    EXPECT_EQ(groups().size(), 4u);
    const Outcome next = run({pilotfish(), "run"},
                             at_home(web("exit 0", {{"PILOTFISH_WORKER_WEB_MEMORY", "64Mi"}})));
    EXPECT_EQ(next.end, exited(0)) << next.err;
    EXPECT_TRUE(contains(next.err, "removed the groups of 1 workers")) << next.err;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
}

TEST_F(WorkersInGroups, WithoutASettingThatAsksForOneNoneIsMade) {
    Variables variables = web("grep -c pilotfish.web /proc/self/cgroup");
    EXPECT_EQ(run({pilotfish(), "run"}, at_home(variables)).out, "0\n");
    variables["PILOTFISH_CHILD_GROUPS"] = "all";
    EXPECT_EQ(run({pilotfish(), "run"}, at_home(variables)).out, "4\n");
    variables["PILOTFISH_CHILD_GROUPS"] = "off";
    variables["PILOTFISH_WORKER_WEB_PIDS"] = "20";
    EXPECT_EQ(run({pilotfish(), "run"}, at_home(variables)).out, "0\n");
}

TEST_F(WorkersInGroups, TheEntrypointsCommandMayHaveOneToo) {
    const Outcome outcome =
        run(entrypoint({"sh", "-c", "grep -c pilotfish.main /proc/self/cgroup; exit 5"}),
            at_home({{"PILOTFISH_WORKER_MAIN_CPU", "0.5"}}));
    EXPECT_EQ(outcome.end, exited(5)) << outcome.err;
    EXPECT_EQ(outcome.out, "3\n") << "cpu, memory and the v2 hierarchy";
}

class ProcessLimits : public EndToEnd {};

TEST_F(ProcessLimits, HoldWithoutAnyGroup) {
    const Outcome outcome =
        run(entrypoint({"sh", "-c", "ulimit -Sn; ulimit -Hn; cat /proc/self/oom_score_adj"}),
            {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"},
                     {"PILOTFISH_WORKER_MAIN_RLIMIT_NOFILE", "64:128"},
                     {"PILOTFISH_WORKER_MAIN_OOM_SCORE_ADJ", "500"}}});
    EXPECT_EQ(outcome.out, "64\n128\n500\n") << outcome.err;
}

TEST_F(ProcessLimits, AnEntrypointWithoutCapsOpensNoCgroupFileForWriting) {
    if (run({"sh", "-c", "command -v strace"}).end != exited(0)) GTEST_SKIP() << "no strace here";
    const tests::TempDir dir;
    const std::string trace = dir.path() + "/trace";
    std::vector<std::string> command = entrypoint({"true"});
    command.insert(command.begin(),
                   {"strace", "-f", "-e", "trace=openat,mkdir,clone3", "-o", trace});
    const Outcome outcome = run(command, {.env = {{"PILOTFISH_ADMIN_LISTEN", "off"}}});
    ASSERT_EQ(outcome.end, exited(0)) << outcome.err;
    std::istringstream lines(tests::read_file(trace));
    int seen = 0;
    for (std::string line; std::getline(lines, line);) {
        // Not a group's file: on v1 this is how the kernel is asked to tell of memory pressure.
        if (!contains(line, "cgroup") || contains(line, "cgroup.event_control")) continue;
        ++seen;
        EXPECT_FALSE(contains(line, "O_WRONLY") || contains(line, "O_RDWR") ||
                     contains(line, "mkdir"))
            << line;
    }
    EXPECT_GT(seen, 0) << "the limits are read, or this test sees nothing";
}

}  // namespace
}  // namespace pilotfish::e2e
