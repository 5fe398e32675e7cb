// The real binary as PID 1 of a real container, limited by cgroup v1 as this machine has it.
#include <unistd.h>

#include <csignal>
#include <sstream>

#include "tests/e2e/support/container.h"

namespace pilotfish::e2e {
namespace {

TEST_F(InAContainer, LimitsAreThoseOfTheContainer) {
    for (const std::vector<std::string>& more :
         {std::vector<std::string>{}, {"--host-cgroupns"}, {"--rw-cgroup"}}) {
        const Outcome outcome =
            run(in_container(limited(more), {"/pilotfish", "limits", "--json"}));
        EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
        for (const char* part :
             {R"("state":"limited")", R"("cpus":1.5)", R"("version":1)", R"("maxprocs":2)",
              R"("limit_bytes":268435456)", R"("soft_limit_bytes":241591910)"})
            EXPECT_TRUE(contains(outcome.out, part)) << part << " in " << outcome.out;
    }
}

TEST_F(InAContainer, WithoutLimitsNoneIsInvented) {
    const Outcome outcome = run(in_container({}, {"/pilotfish", "limits", "--json"}));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, R"("state":"unlimited")")) << outcome.out;
    EXPECT_FALSE(contains(outcome.out, R"("state":"limited")")) << outcome.out;
}

TEST_F(InAContainer, ACpusetBoundsTheProcessors) {
    const Outcome outcome =
        run(in_container(limited({"--cpuset", "0"}), {"/pilotfish", "limits", "--json"}));
    EXPECT_TRUE(contains(outcome.out, R"("affinity":1)")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, R"("maxprocs":1)")) << outcome.out;
}

TEST_F(InAContainer, TheWorkerIsHandedWhatTheContainerAllows) {
    const Outcome outcome = run(in_container(limited(), as_pid1({"/programs/report"})));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "env GOMAXPROCS=2\n")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, "env OMP_NUM_THREADS=2\n")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, "env GOMEMLIMIT=")) << outcome.out;
    EXPECT_TRUE(contains(outcome.err, "1.5"))
        << "the limit and its source are logged once at start: " << outcome.err;
}

TEST_F(InAContainer, EnvShowsWhatIsHandedAndWhatIsNot) {
    const auto env = [](const std::string& form, std::vector<std::string> more) {
        more.insert(more.end(), {"--env", "OMP_NUM_THREADS=7"});
        return run(in_container(limited(more), {"/pilotfish", "env", form})).out;
    };
    const std::string shell = env("--shell", {});
    EXPECT_TRUE(contains(shell, "export GOMAXPROCS='2'\n")) << shell;
    EXPECT_FALSE(contains(shell, "OMP_NUM_THREADS")) << shell;
    for (std::size_t at = 0; at < shell.size(); at = shell.find('\n', at) + 1)
        EXPECT_EQ(shell.compare(at, 7, "export "), 0) << shell.substr(at);
    const std::string json = env("--json", {});
    EXPECT_TRUE(contains(json, R"({"name":"OMP_NUM_THREADS","reason":"set already: it stays"})"))
        << json;
    EXPECT_TRUE(contains(json, R"("program":null)")) << json;
    EXPECT_TRUE(contains(json, R"({"name":"GOMAXPROCS","value":"2","reason":"1.5 CPUs of )"))
        << json;
    const std::string flags = env("--json", {"--env", "PILOTFISH_RIGHTSIZE=all"});
    EXPECT_TRUE(contains(flags, R"({"name":"NODE_OPTIONS","reason":"the program is not recog)"))
        << flags;
}

TEST_F(InAContainer, AFlagIsPutBeforeTheUsersOwn) {
    const Outcome outcome =
        run(in_container(limited({"--env", "NODE_OPTIONS=--no-warnings", "--env",
                                  "PILOTFISH_WORKER_MAIN_RIGHTSIZE=node"}),
                         as_pid1({"sh", "-c", "echo \"($NODE_OPTIONS)\""})));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "(--max-old-space-size=")) << outcome.out;
    EXPECT_TRUE(contains(outcome.out, " --no-warnings)")) << outcome.out;
}

TEST_F(InAContainer, ExitCodesComeOutOfTheContainer) {
    EXPECT_EQ(run(in_container({}, as_pid1({"sh", "-c", "exit 7"}))).end, exited(7));
    EXPECT_EQ(run(in_container({}, as_pid1({"sh", "-c", "kill -KILL $$"}))).end,
              exited(128 + SIGKILL));
    EXPECT_EQ(run(in_container({}, as_pid1({"/no/such/command"}))).end, exited(127));
    EXPECT_EQ(run(in_container({}, as_pid1({"/programs"}))).end, exited(126));
}

TEST_F(InAContainer, TheAdminPlaneAnswersInside) {
    Process container(
        in_container(limited({"--id", id_}), as_pid1({"sh", "-c", "echo ready; exec sleep 1000"})));
    container.wait_line("ready");
    EXPECT_NE(ask(id_, "/livez"), "");
    EXPECT_NE(ask(id_, "/readyz"), "");
    EXPECT_TRUE(contains(ask(id_, "/v1/limits"), R"("cpus":1.5)"));
    const std::string metrics = ask(id_, "/metrics");
    EXPECT_TRUE(contains(metrics, "268435456") || contains(metrics, "2.68435456e+08")) << metrics;
    EXPECT_EQ(runc({"exec", id_, "/pilotfish", "probe", "readyz"}).end, exited(0));
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, OrphansAreReaped) {
    Process container(in_container({"--id", id_}, as_pid1({"/programs/fork_orphans", "300"})));
    container.wait_line("left 300");
    EXPECT_TRUE(eventually(
        [this] { return !contains(runc({"exec", id_, "ps", "-o", "stat,comm"}).out, "Z"); }));
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, SigtermReachesTheWorkerAndEveryoneIsGivenTime) {
    Process container(in_container({}, as_pid1({"/programs/setsid_escapee", "stay"})));
    container.wait_line("parent waits");
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
    EXPECT_TRUE(contains(container.out(), "escapee done")) << container.out();
}

TEST_F(InAContainer, AResizeIsFollowedWhileItRuns) {
    Process container(
        in_container(limited({"--id", id_}), as_pid1({"sh", "-c", "echo ready; exec sleep 1000"})));
    container.wait_line("ready");
    ASSERT_TRUE(contains(ask(id_, "/v1/limits"), R"("cpus":1.5)"));
    ASSERT_EQ(runc({"update", "--cpu-quota", "50000", "--memory", "134217728", id_}).end,
              exited(0));
    std::string limits;
    EXPECT_TRUE(eventually([&] {
        limits = ask(id_, "/v1/limits");
        return contains(limits, R"("cpus":0.5)") && contains(limits, R"("maxprocs":1)") &&
               contains(limits, R"("limit_bytes":134217728)") &&
               contains(limits, R"("soft_limit_bytes":120795955)");
    })) << limits;
    EXPECT_TRUE(eventually([&] {
        return contains(ask(id_, "/metrics"), "134217728") ||
               contains(ask(id_, "/metrics"), "1.34217728e+08");
    }));
    ASSERT_EQ(runc({"update", "--cpu-quota", "200000", "--memory", "268435456", id_}).end,
              exited(0));
    EXPECT_TRUE(eventually([&] {
        return contains(limits = ask(id_, "/v1/limits"), R"("cpus":2)");
    })) << limits;
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, UnderTheRestrictedProfileWithNoWritablePathItServes) {
    // uid without a passwd entry, read-only root, no capability, no_new_privs, calls refused by
    // seccomp.
    Process container(
        in_container(limited({"--id", id_, "--user", "65534", "--read-only", "--seccomp",
                              kHarness + "restricted-seccomp.json", "--pids", "64"}),
                     as_pid1({"sh", "-c",
                              "id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; "
                              "touch /run/x /tmp/x 2>/dev/null && echo writable; "
                              "echo ready; exec sleep 1000"})));
    container.wait_line("ready");
    EXPECT_TRUE(container.out().starts_with("65534\n")) << container.out();
    EXPECT_FALSE(contains(container.out(), "writable"));
    EXPECT_TRUE(contains(container.out(), "CapEff:\t0000000000000000"));
    EXPECT_TRUE(contains(container.out(), "NoNewPrivs:\t1"));
    EXPECT_TRUE(contains(container.out(), "Seccomp:\t2"));
    EXPECT_TRUE(contains(ask(id_, "/v1/limits"), R"("cpus":1.5)"));
    EXPECT_NE(ask(id_, "/readyz"), "");
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, AWorkersCapsHoldWhereCgroupsAreWritable) {
    const Outcome outcome = run(in_container(
        limited({"--rw-cgroup", "--env", "PILOTFISH_WORKER_MAIN_CPU=50%", "--env",
                 "PILOTFISH_WORKER_MAIN_MEMORY=25%", "--env", "PILOTFISH_WORKER_MAIN_PIDS=20"}),
        as_pid1({"sh", "-c",
                 "grep -c /pilotfish.main. /proc/self/cgroup; cd /sys/fs/cgroup; "
                 "cat cpu/pilotfish.main.*/cpu.cfs_quota_us "
                 "memory/pilotfish.main.*/memory.limit_in_bytes pids/pilotfish.main.*/pids.max"})));
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "\n75000\n67108864\n20\n")) << outcome.out << outcome.err;
    EXPECT_FALSE(contains(outcome.err, "without groups")) << outcome.err;
}

TEST_F(InAContainer, WhereCgroupsAreReadOnlyTheWorkerRunsAndItIsSaidOnce) {
    const Outcome outcome = run(
        in_container(limited({"--env", "PILOTFISH_WORKER_MAIN_MEMORY=64Mi", "--env",
                              "PILOTFISH_WORKER_MAIN_PIDS=20"}),
                     as_pid1({"sh", "-c", "grep -c /pilotfish.main. /proc/self/cgroup; exit 3"})));
    EXPECT_EQ(outcome.end, exited(3)) << outcome.err;
    EXPECT_EQ(outcome.out, "0\n");
    const std::string line = "workers go without groups of their own: ";
    EXPECT_TRUE(contains(outcome.err, line)) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, "no effect: PIDS")) << outcome.err;
    EXPECT_TRUE(contains(outcome.err, "PILOTFISH_CHILD_GROUPS=off")) << outcome.err;
}

TEST_F(InAContainer, OnATerminalTheInterruptKeyReachesTheWorker) {
    Process container(in_container({"--tty"}, as_pid1({"sh", "-c", "echo ready; exec cat"})),
                      {.terminal = true});
    container.wait_line("ready");
    container.write("typed\n");
    container.wait_line("typed");
    container.wait_line("typed");
    container.write("\x03");
    EXPECT_EQ(container.wait(), exited(128 + SIGINT));
}

TEST_F(InAContainer, BesideAnotherInOnePidNamespaceItIsASidecar) {
    Process pod(in_container({"--id", id_}, as_pid1({"sh", "-c", "echo ready; exec sleep 1000"})));
    pod.wait_line("ready");
    const std::string state = runc({"state", id_}).out;
    const std::size_t at = state.find("\"pid\": ");
    ASSERT_NE(at, std::string::npos) << state;
    const std::string pid = std::to_string(std::stoi(state.substr(at + 7)));
    const Outcome sidecar = run(in_container(
        {"--join-pid", pid},
        as_pid1({"sh", "-c", "/programs/fork_orphans 10 & sleep 0.2; kill $!; exit 5"})));
    EXPECT_EQ(sidecar.end, exited(5)) << sidecar.err;
    pod.signal(SIGTERM);
    EXPECT_EQ(pod.wait(), exited(128 + SIGTERM)) << "the other container was not to be touched";
}

}  // namespace
}  // namespace pilotfish::e2e
