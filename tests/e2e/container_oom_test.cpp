// Who killed it? The real OOM killer, in real containers, beside a SIGKILL of somebody's.
#include <csignal>

#include "tests/e2e/support/container.h"

namespace pilotfish::e2e {
namespace {

const std::string kTerminationLog = "PILOTFISH_TERMINATION_LOG=/termination-log";

// Under a shell that outlives it and shows the termination log at the end.
std::vector<std::string> showing_its_log(const std::string& worker) {
    return {"sh", "-c",
            "touch /termination-log; /pilotfish -- " + worker +
                "; code=$?; echo \"log: $(cat /termination-log)\"; exit $code"};
}

TEST_F(InAContainer, AHogIsReportedAsKilledForWantOfMemory) {
    const Outcome outcome = run(in_container({"--memory", "128M", "--env", kTerminationLog},
                                             showing_its_log("/programs/hog 400")));
    EXPECT_EQ(outcome.end, exited(128 + SIGKILL));
    const std::string verdict =
        "main was killed by the kernel: out of memory (container limit 128 MiB, peak 128 MiB)";
    EXPECT_TRUE(contains(outcome.err, verdict)) << outcome.err;
    EXPECT_TRUE(contains(outcome.out, "log: " + verdict)) << outcome.out;
}

TEST_F(InAContainer, ASigkillBySomebodyIsNotTakenForTheOomKiller) {
    const Outcome outcome = run(in_container({"--memory", "128M", "--env", kTerminationLog},
                                             showing_its_log("sh -c 'kill -KILL $$'")));
    EXPECT_EQ(outcome.end, exited(128 + SIGKILL));
    const std::string verdict = "main was killed by SIGKILL, not by the kernel's OOM killer,";
    EXPECT_TRUE(contains(outcome.out, "log: " + verdict)) << outcome.out;
    EXPECT_TRUE(contains(outcome.err, verdict)) << outcome.err;
    EXPECT_FALSE(contains(outcome.err, "out of memory")) << outcome.err;
}

TEST_F(InAContainer, AShellWhoseProgramWasKilledNamesTheCause) {
    const Outcome outcome = run(
        in_container({"--memory", "128M"}, as_pid1({"sh", "-c", "/programs/hog 400; exit $?"})));
    EXPECT_EQ(outcome.end, exited(128 + SIGKILL));
    EXPECT_TRUE(contains(outcome.err,
                         "main exited with code 137, as a process of it was killed by the kernel: "
                         "out of memory (container limit 128 MiB"))
        << outcome.err;
}

TEST_F(InAContainer, AChildThatWasKilledIsToldAndItsWorkerGoesOn) {
    Process container(in_container({"--memory", "128M", "--id", id_},
                                   as_pid1({"/programs/hog", "--child", "400"})));
    container.wait_line("child ended by signal 9");
    container.wait_error_line(
        "a process of the container, no worker's main one, was killed by the kernel: out of memory "
        "(container limit 128 MiB");
    EXPECT_TRUE(contains(ask(id_, "/v1/workers/main"), R"("starts":1,)"));
    EXPECT_TRUE(contains(ask(id_, "/metrics"), "pilotfish_memory_oom_kills_total 1\n"));
    EXPECT_TRUE(
        contains(ask(id_, "/metrics"), "pilotfish_worker_oom_kills_total{worker=\"main\"} 0\n"));
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, PressureIsToldByTheKernelWhereItsFilesAreWritable) {
    Process container(in_container(
        {"--memory", "128M", "--rw-cgroup", "--id", id_, "--env", "PILOTFISH_LOG_LEVEL=debug"},
        as_pid1({"sh", "-c", "read go; exec /programs/hog --child 400"})));
    container.wait_error_line("memory pressure: memory.pressure_level of ");
    EXPECT_TRUE(contains(ask(id_, "/metrics"), "pilotfish_memory_pressure_events_total 0\n"));
    container.write("go\n");
    container.wait_line("child ended by signal 9");
    std::string metrics;
    EXPECT_TRUE(eventually([&] {
        metrics = ask(id_, "/metrics");
        return contains(metrics, "pilotfish_memory_pressure_events_total ") &&
               !contains(metrics, "pilotfish_memory_pressure_events_total 0\n");
    })) << metrics;
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(128 + SIGTERM));
}

TEST_F(InAContainer, AWorkerThatIsKilledAgainAndAgainIsCountedAndItsNeighbourIsLeftAlone) {
    Process container(in_container({"--memory", "128M", "--id", id_,                            //
                                    "--env", "PILOTFISH_WORKERS=hog,quiet",                     //
                                    "--env", "PILOTFISH_WORKER_HOG_COMMAND=/programs/hog 400",  //
                                    "--env", "PILOTFISH_WORKER_HOG_RESTART_DELAY=300ms",        //
                                    "--env", "PILOTFISH_WORKER_QUIET_COMMAND=sleep 1000"},
                                   {"/pilotfish", "run"}));
    std::string hog;
    EXPECT_TRUE(eventually([&] {
        hog = ask(id_, "/v1/workers/hog");
        return contains(hog, R"("restarts_by_reason":{"oom":)") && !contains(hog, R"("oom":1})");
    })) << hog;
    EXPECT_TRUE(contains(hog, R"("reason":"oom","text":"was killed by the kernel: out of memory)"))
        << hog;
    EXPECT_TRUE(contains(hog, R"("code":137,"signal":9)")) << hog;
    EXPECT_TRUE(contains(ask(id_, "/v1/workers/quiet"), R"("starts":1,)"));
    const std::string metrics = ask(id_, "/metrics");
    EXPECT_TRUE(contains(metrics, "pilotfish_worker_restarts_total{worker=\"hog\",reason=\"oom\"}"))
        << metrics;
    EXPECT_FALSE(contains(metrics, "pilotfish_worker_oom_kills_total{worker=\"hog\"} 0"));
    EXPECT_TRUE(contains(metrics, "pilotfish_worker_oom_kills_total{worker=\"quiet\"} 0"));
    EXPECT_TRUE(contains(metrics, "pilotfish_memory_load_ratio{level=")) << metrics;
    const std::string runtime = ask(id_, "/v1/runtime");
    EXPECT_TRUE(contains(runtime, R"("headroom":{"load":)")) << runtime;
    container.signal(SIGTERM);
    EXPECT_EQ(container.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
