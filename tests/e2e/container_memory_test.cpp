// What is done to workers when their container is resized or its memory runs short, in a real
// container, limited by cgroup v1 as this machine has it.
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

// Sizes leave room for a daemon that a sanitizer makes larger.
class MemoryInAContainer : public EndToEnd {
  protected:
    std::vector<std::string> run_mode(std::vector<std::string> options,
                                      const std::vector<std::string>& environment) const {
        std::vector<std::string> command = {PILOTFISH_SOURCE_DIR "/tests/e2e/run-in-container",
                                            "--id",
                                            id_,
                                            "--file",
                                            pilotfish() + ":/pilotfish",
                                            "--file",
                                            PILOTFISH_E2E_PROGRAMS ":/programs",
                                            "--env",
                                            "ASAN_OPTIONS=detect_leaks=0",
                                            "--env",
                                            "PILOTFISH_DEBUG=memtrace=1",
                                            "--env",
                                            "PILOTFISH_LIMITS_INTERVAL=250ms"};
        command.insert(command.end(), options.begin(), options.end());
        for (const std::string& variable : environment) {
            command.emplace_back("--env");
            command.push_back(variable);
        }
        for (const char* word : {"--", "/pilotfish", "run"}) command.emplace_back(word);
        return command;
    }
    static Outcome runc(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), "runc");
        if (geteuid() != 0) arguments.insert(arguments.begin(), {"sudo", "-n"});
        return run(arguments);
    }
    std::string metrics() const {
        return runc({"exec", id_, "wget", "-q", "-O", "-", "http://127.0.0.1:9911/metrics"}).out;
    }
    bool has(const std::string& line) const {
        return metrics().find(line + "\n") != std::string::npos;
    }
    static void stop(Process& container) {
        container.signal(SIGTERM);
        EXPECT_EQ(container.wait(), exited(0));
    }
    // A name of its own for each test, so that several can run beside one another.
    const std::string id_ = "pilotfish-memory-" + std::to_string(getpid());
};

TEST_F(MemoryInAContainer, AResizeSignalsOrRestartsTheWorkersThatWantItAndNoOther) {
    Process container(run_mode(
        {"--quota", "150000", "--memory", "512M"},
        {"PILOTFISH_WORKERS=told,again,quiet",
         "PILOTFISH_WORKER_TOLD_COMMAND=[\"sh\",\"-c\",\"trap 'echo got HUP' HUP; echo up; "
         "while :; do sleep 0.1; done\"]",
         "PILOTFISH_WORKER_TOLD_ON_RESIZE=signal:SIGHUP",
         "PILOTFISH_WORKER_AGAIN_COMMAND=[\"sh\",\"-c\",\"echo procs=$GOMAXPROCS; exec sleep "
         "1000\"]",
         "PILOTFISH_WORKER_AGAIN_ON_RESIZE=restart", "PILOTFISH_WORKER_AGAIN_RESTART=never",
         "PILOTFISH_WORKER_QUIET_COMMAND=sleep 1000"}));
    container.wait_line("procs=2");
    if (container.out().find("told | up") == std::string::npos) container.wait_line("told | up");
    ASSERT_TRUE(eventually([this] { return has("pilotfish_processors 2"); }));
    ASSERT_EQ(runc({"update", "--cpu-quota", "50000", "--memory", "268435456", id_}).end,
              exited(0));
    container.wait_line("procs=1");
    // Either may come first.
    if (container.out().find("got HUP") == std::string::npos) container.wait_line("got HUP");
    EXPECT_TRUE(eventually([this] {
        return has("pilotfish_worker_restarts_total{worker=\"again\",reason=\"resize\"} 1");
    })) << metrics();
    const std::string all = metrics();
    for (const char* other : {"told", "quiet"})
        EXPECT_EQ(all.find("restarts_total{worker=\"" + std::string(other)), std::string::npos)
            << all;
    EXPECT_TRUE(has("pilotfish_processors 1")) << all;
    stop(container);
}

TEST_F(MemoryInAContainer,
       AWorkerThatGrowsIsRestartedBeforeTheKernelKillsItAndTheOtherIsLeftAlone) {
    Process container(
        run_mode({"--memory", "512M"},
                 {"PILOTFISH_WORKERS=leak,calm", "PILOTFISH_WORKER_LEAK_COMMAND=/programs/grow 40",
                  "PILOTFISH_WORKER_LEAK_ON_MEMORY=restart",
                  "PILOTFISH_WORKER_CALM_COMMAND=/programs/hog 60 hold",
                  "PILOTFISH_WORKER_CALM_ON_MEMORY=restart"}));
    container.wait_line("held");
    const std::string line = container.wait_error_line(" step=restart ");
    EXPECT_NE(line.find("memtrace "), std::string::npos) << line;
    EXPECT_NE(line.find(" container: load="), std::string::npos) << line;
    EXPECT_NE(line.find(" worker=leak "), std::string::npos) << line;
    container.wait_line("grows");
    EXPECT_TRUE(eventually([this] {
        return has("pilotfish_worker_restarts_total{worker=\"leak\",reason=\"memory\"} 1");
    })) << metrics();
    const std::string all = metrics();
    EXPECT_NE(all.find("pilotfish_worker_memory_steps_total{worker=\"leak\",step=\"restart\"} 1"),
              std::string::npos)
        << all;
    EXPECT_EQ(all.find("restarts_total{worker=\"calm\""), std::string::npos) << all;
    EXPECT_NE(all.find("pilotfish_memory_oom_kills_total 0"), std::string::npos) << all;
    stop(container);
}

// As soon as it runs it holds more than the soft limit: the restart is in vain, and the next one
// comes later (the guard's own tests have the whole storm).
TEST_F(MemoryInAContainer, ARestartInVainIsNotRepeatedAtOnce) {
    Process container(run_mode(
        {"--memory", "1G"},
        {"PILOTFISH_WORKERS=full",
         R"(PILOTFISH_WORKER_FULL_COMMAND=["sh","-c","echo begun; exec /programs/hog 925 hold"])",
         "PILOTFISH_WORKER_FULL_ON_MEMORY=restart"}));
    // The first run may be restarted before it holds all it wants; the second has time to.
    container.wait_line("begun");
    container.wait_line("begun");
    container.wait_line("held");
    EXPECT_TRUE(has("pilotfish_worker_restarts_total{worker=\"full\",reason=\"memory\"} 1"))
        << metrics();
    stop(container);
}

TEST_F(MemoryInAContainer, OverItsOwnMemoryAWorkerIsToldWhereNoCgroupCapsIt) {
    Process container(run_mode(
        {"--memory", "512M"},
        {"PILOTFISH_WORKERS=big,idle", "PILOTFISH_WORKER_BIG_COMMAND=/programs/grow 40",
         "PILOTFISH_WORKER_BIG_MEMORY=50Mi", "PILOTFISH_WORKER_BIG_ON_MEMORY=signal:SIGUSR1",
         "PILOTFISH_WORKER_IDLE_COMMAND=/programs/hog 60 hold",
         "PILOTFISH_WORKER_IDLE_MEMORY=10%"}));
    container.wait_line("freed");
    const std::string warning = container.wait_error_line("step=warn");
    EXPECT_NE(container.err().find("worker=big"), std::string::npos) << container.err();
    EXPECT_NE(warning.find("worker=idle"), std::string::npos) << warning;
    stop(container);
}

}  // namespace
}  // namespace pilotfish::e2e
