#include "config/consistency.h"

#include <gtest/gtest.h>

#include "tests/config/environment.h"

namespace pilotfish::config {
namespace {

std::string warnings(std::initializer_list<std::string> entries, const Invocation& invocation) {
    const Environment environment(entries);
    const core::Result<Configuration> loaded = load(environment.get(), invocation);
    EXPECT_TRUE(loaded.ok()) << loaded.error().message;
    std::string all;
    for (const std::string& warning : accepted(loaded).warnings) all.append(warning).append("\n");
    return all;
}

TEST(Consistency, AWorkerNeedsACommand) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=web"}, as_run()),
              "cannot run worker web: it has no command; set PILOTFISH_WORKER_WEB_COMMAND, or "
              "PILOTFISH_WORKER_WEB_PLUGIN");
}

TEST(Consistency, APluginStandsForACommand) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_PLUGIN=/x.so",
                      "PILOTFISH_WORKER_WEB_PLUGIN_ARGS=--port 80"},
                     as_run()),
              "");
}

TEST(Consistency, APluginAndACommandExcludeEachOther) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_PLUGIN=/x.so",
                      "PILOTFISH_WORKER_WEB_COMMAND=x"},
                     as_run()),
              "cannot use PILOTFISH_WORKER_WEB_PLUGIN=\"/x.so\": PILOTFISH_WORKER_WEB_COMMAND "
              "gives web a command; keep one of them");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_PLUGIN=/x.so"}),
              "cannot use PILOTFISH_WORKER_MAIN_PLUGIN=\"/x.so\": the command line gives main a "
              "command; keep one of them");
}

TEST(Consistency, WhatOnlyAProcessHasIsRefusedForAPlugin) {
    for (const std::string setting :
         {"CWD=/", "STDIN=null", "ENV_A=b", "STOP_SIGNAL=INT", "CPU=1", "MEMORY=1Gi", "PIDS=5",
          "RLIMIT_NOFILE=64", "RIGHTSIZE=all"}) {
        const std::string variable = "PILOTFISH_WORKER_WEB_" + setting;
        const std::string fault =
            faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_PLUGIN=/x.so", variable.c_str()},
                   as_run());
        EXPECT_TRUE(fault.starts_with("cannot use PILOTFISH_WORKER_WEB_")) << setting << fault;
        EXPECT_NE(fault.find(" with a plugin: it "), std::string::npos) << fault;
    }
}

TEST(Consistency, AWorkerThatIsNeverRestartedIsNotForWantOfMemoryEither) {
    EXPECT_EQ(
        faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                "PILOTFISH_WORKER_WEB_RESTART=never", "PILOTFISH_WORKER_WEB_ON_MEMORY=restart"},
               as_run()),
        "cannot use PILOTFISH_WORKER_WEB_ON_MEMORY=restart: web is never restarted by its "
        "RESTART; set PILOTFISH_WORKER_WEB_RESTART to on-failure or always, or "
        "PILOTFISH_WORKER_WEB_ON_MEMORY to a signal");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_ON_MEMORY=restart"}),
              "cannot use PILOTFISH_WORKER_MAIN_ON_MEMORY=restart: main is never restarted by its "
              "RESTART, which is never unless it is set; set PILOTFISH_WORKER_MAIN_RESTART to "
              "on-failure or always, or PILOTFISH_WORKER_MAIN_ON_MEMORY to a signal");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_ON_MEMORY=signal:USR1"}), "");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_ON_RESIZE=restart"}), "");
}

TEST(Consistency, WarnsOfAMemoryWatchThatIsSwitchedOff) {
    const std::string signal = "PILOTFISH_WORKER_MAIN_ON_MEMORY=signal:USR1";
    EXPECT_EQ(warnings({"PILOTFISH_LIMITS_INTERVAL=0", signal}, as_entrypoint()),
              "by PILOTFISH_LIMITS_INTERVAL=0 nobody looks at what workers hold: "
              "PILOTFISH_WORKER_MAIN_ON_MEMORY acts only when the kernel tells of memory pressure; "
              "set PILOTFISH_LIMITS_INTERVAL to 1s, or leave it out\n");
    EXPECT_NE(warnings({"PILOTFISH_LIMITS_INTERVAL=0", "PILOTFISH_WORKER_MAIN_MEMORY=1Gi"},
                       as_entrypoint())
                  .find("PILOTFISH_WORKER_MAIN_MEMORY holds only where a cgroup caps it"),
              std::string::npos);
    EXPECT_NE(warnings({"PILOTFISH_MEMLIMIT=off", signal}, as_entrypoint())
                  .find("PILOTFISH_WORKER_MAIN_ON_MEMORY acts on nothing"),
              std::string::npos);
    EXPECT_NE(warnings({"PILOTFISH_MEMLIMIT=off", signal, "PILOTFISH_WORKER_MAIN_MEMORY=1Gi"},
                       as_entrypoint())
                  .find("acts only on PILOTFISH_WORKER_MAIN_MEMORY;"),
              std::string::npos);
    EXPECT_EQ(warnings({signal, "PILOTFISH_WORKER_MAIN_MEMORY=1Gi"}, as_entrypoint()), "");
    EXPECT_EQ(warnings({"PILOTFISH_LIMITS_INTERVAL=0", "PILOTFISH_MEMLIMIT=off"}, as_entrypoint()),
              "");
}

TEST(Consistency, WarnsOfHostedWorkersWhoseMemoryCannotBeToldApart) {
    const auto told = [](const std::string& second) {
        return warnings(
            {"PILOTFISH_WORKERS=a,b", "PILOTFISH_WORKER_A_PLUGIN=/a.so",
             "PILOTFISH_WORKER_B_PLUGIN=/b.so", "PILOTFISH_WORKER_A_ON_MEMORY=restart", second},
            as_run());
    };
    EXPECT_EQ(told("PILOTFISH_WORKER_B_ON_MEMORY=none"), "");
    EXPECT_EQ(told("PILOTFISH_WORKER_B_ON_MEMORY=restart"),
              "the memory of a, b cannot be told apart, as they share the daemon's heap: ON_MEMORY "
              "may restart one for what another holds; keep it for one of them\n");
}

TEST(Consistency, APluginIsRestartedAndNeverSignalled) {
    for (const std::string name : {"ON_RESIZE", "ON_MEMORY"}) {
        const std::string variable = "PILOTFISH_WORKER_WEB_" + name;
        const std::string signal = variable + "=signal:HUP";
        const std::string restart = variable + "=restart";
        EXPECT_EQ(
            faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_PLUGIN=/x.so", signal.c_str()},
                   as_run()),
            "cannot use " + variable +
                "=signal:SIGHUP with a plugin: it gets no signal; use restart or none");
        EXPECT_EQ(
            faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_PLUGIN=/x.so", restart.c_str()},
                   as_run()),
            "");
    }
}

TEST(Consistency, PluginArgumentsNeedAPlugin) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                      "PILOTFISH_WORKER_WEB_PLUGIN_ARGS=a"},
                     as_run()),
              "cannot use PILOTFISH_WORKER_WEB_PLUGIN_ARGS: there is no "
              "PILOTFISH_WORKER_WEB_PLUGIN that would get them");
}

TEST(Consistency, ABadCommandIsOneFaultNotTwo) {
    const std::string fault =
        faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND='"}, as_run());
    EXPECT_EQ(fault.find('\n'), std::string::npos) << fault;
    EXPECT_NE(fault.find("a quote that is never closed"), std::string::npos);
}

TEST(Consistency, AfterNamesDeclaredWorkersOnly) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=web", "PILOTFISH_WORKER_WEB_COMMAND=x",
                      "PILOTFISH_WORKER_WEB_AFTER=db"},
                     as_run()),
              "cannot use PILOTFISH_WORKER_WEB_AFTER: no worker db is declared; add it to "
              "PILOTFISH_WORKERS");
}

TEST(Consistency, ACircleIsRefusedByName) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=a,b,c", "PILOTFISH_WORKER_A_COMMAND=x",
                      "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_C_COMMAND=x",
                      "PILOTFISH_WORKER_A_AFTER=b", "PILOTFISH_WORKER_B_AFTER=c",
                      "PILOTFISH_WORKER_C_AFTER=b"},
                     as_run()),
              "cannot order the workers: AFTER and NEEDS go in a circle, b -> c -> b");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_AFTER=main"}),
              "cannot order the workers: AFTER and NEEDS go in a circle, main -> main");
}

TEST(Consistency, ADiamondIsNoCircle) {
    EXPECT_EQ(faults({"PILOTFISH_WORKERS=a,b,c,d", "PILOTFISH_WORKER_A_COMMAND=x",
                      "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_C_COMMAND=x",
                      "PILOTFISH_WORKER_D_COMMAND=x", "PILOTFISH_WORKER_A_AFTER=b,c",
                      "PILOTFISH_WORKER_B_AFTER=d", "PILOTFISH_WORKER_C_AFTER=d"},
                     as_run()),
              "");
}

TEST(Consistency, TokenAndTokenFileExcludeEachOther) {
    EXPECT_EQ(
        faults({"PILOTFISH_ADMIN_TOKEN=a", "PILOTFISH_ADMIN_TOKEN_FILE=/a"}),
        "cannot use both PILOTFISH_ADMIN_TOKEN and PILOTFISH_ADMIN_TOKEN_FILE: keep one of them");
    EXPECT_NE(faults({"PILOTFISH_READ_TOKEN=a", "PILOTFISH_READ_TOKEN_FILE=/a"}), "");
    EXPECT_EQ(faults({"PILOTFISH_ADMIN_TOKEN=a", "PILOTFISH_READ_TOKEN_FILE=/a"}), "");
}

TEST(Consistency, EachServerHasAnAddressOfItsOwn) {
    EXPECT_EQ(faults({"PILOTFISH_PROBE_LISTEN=127.0.0.1:9911"}),
              "cannot use 127.0.0.1:9911 for both PILOTFISH_ADMIN_LISTEN and "
              "PILOTFISH_PROBE_LISTEN: each "
              "needs an address of its own");
    EXPECT_NE(
        faults({"PILOTFISH_PROBE_LISTEN=unix:/a", "PILOTFISH_METRICS_LISTEN=unix:/b,unix:/a"}), "");
    EXPECT_EQ(
        faults({"PILOTFISH_PROBE_LISTEN=127.0.0.1:0", "PILOTFISH_METRICS_LISTEN=127.0.0.1:0"}), "");
}

TEST(Consistency, BoundsMustNotCross) {
    EXPECT_EQ(faults({"PILOTFISH_MAXPROCS=2", "PILOTFISH_MAXPROCS_MIN=4"}),
              "cannot use PILOTFISH_MAXPROCS=2: it is below PILOTFISH_MAXPROCS_MIN (4)");
    EXPECT_EQ(faults({"PILOTFISH_WORKER_MAIN_RESTART_DELAY=1m"}),
              "cannot use PILOTFISH_WORKER_MAIN_RESTART_DELAY=1m: it is above "
              "PILOTFISH_WORKER_MAIN_RESTART_MAX_DELAY (30s)");
    EXPECT_EQ(faults({"PILOTFISH_MAXPROCS=4", "PILOTFISH_MAXPROCS_MIN=4"}), "");
}

TEST(Consistency, StopTimeoutsAddUpAlongAfter) {
    const std::initializer_list<std::string> chain = {
        "PILOTFISH_WORKERS=a,b,c",      "PILOTFISH_WORKER_A_COMMAND=x",
        "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_C_COMMAND=x",
        "PILOTFISH_WORKER_A_AFTER=b",   "PILOTFISH_WORKER_B_AFTER=c"};
    EXPECT_EQ(
        warnings(chain, as_run()),
        "the shutdown ends after PILOTFISH_STOP_TIMEOUT (25s), but stopping takes up to 30s by the "
        "workers' STOP_TIMEOUT, AFTER and NEEDS: what is left then is killed\n");
    // Side by side they do not.
    EXPECT_EQ(warnings({"PILOTFISH_WORKERS=a,b,c", "PILOTFISH_WORKER_A_COMMAND=x",
                        "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_C_COMMAND=x"},
                       as_run()),
              "");
}

TEST(Consistency, TheDrainCountsTowardsTheShutdown) {
    EXPECT_EQ(warnings({"PILOTFISH_DRAIN_DELAY=20s"}, as_entrypoint()), "");
    EXPECT_NE(warnings({"PILOTFISH_DRAIN_DELAY=20s", "PILOTFISH_WORKER_MAIN_STOP_TIMEOUT=10s"},
                       as_entrypoint())
                  .find("after PILOTFISH_DRAIN_DELAY (20s)"),
              std::string::npos);
}

TEST(Consistency, TheLongestTimesThereAreDoNotOverflow) {
    EXPECT_NE(
        warnings({"PILOTFISH_WORKERS=a,b", "PILOTFISH_WORKER_A_COMMAND=x",
                  "PILOTFISH_WORKER_B_COMMAND=x", "PILOTFISH_WORKER_A_AFTER=b",
                  "PILOTFISH_WORKER_A_STOP_TIMEOUT=2562047h",
                  "PILOTFISH_WORKER_B_STOP_TIMEOUT=2562047h", "PILOTFISH_DRAIN_DELAY=2562047h"},
                 as_run()),
        "");
}

}  // namespace
}  // namespace pilotfish::config
