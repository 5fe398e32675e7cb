#include "daemon/rightsize.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/daemon/rightsize_fixture.h"

namespace pilotfish::daemon {
namespace {

TEST_F(RightsizeTest, GivesTheSafeSetToAnUnknownProgram) {
    std::string all;
    for (const Hint& hint : hints()) all += hint.name + "=" + hint.value + "\n";
    EXPECT_EQ(all,
              "GOMAXPROCS=2\n"
              "GOMEMLIMIT=233203302\n"
              "OMP_NUM_THREADS=2\n"
              "OPENBLAS_NUM_THREADS=2\n"
              "BLIS_NUM_THREADS=2\n"
              "NUMEXPR_NUM_THREADS=2\n"
              "RAYON_NUM_THREADS=2\n"
              "TOKIO_WORKER_THREADS=2\n"
              "PYTHON_CPU_COUNT=2\n"
              "UV_THREADPOOL_SIZE=4\n"
              "MALLOC_ARENA_MAX=2\n");
}

TEST_F(RightsizeTest, GivesAReasonForEach) {
    EXPECT_EQ(reason("GOMAXPROCS"), "1.5 CPUs of /sys/fs/cgroup/cpu.max");
    EXPECT_EQ(reason("GOMEMLIMIT"),
              "90% of 256 MiB of /sys/fs/cgroup/memory.max, less 8 MiB for pilotfish");
    for (const Hint& hint : hints()) EXPECT_FALSE(hint.reason.empty()) << hint.name;
}

TEST_F(RightsizeTest, OfProfileNoneGivesNothing) {
    request_.profile = RightsizeProfile::none;
    EXPECT_TRUE(hints().empty());
}

TEST_F(RightsizeTest, NeverOverwritesTheUserNotEvenAnEmptyValue) {
    std::vector<std::string> mine;
    for (const Hint& hint : hints()) mine.push_back(hint.name + "=");
    user(mine);
    EXPECT_TRUE(hints().empty());
}

TEST_F(RightsizeTest, IsNotMisledByNamesThatOnlyBeginAlike) {
    user({"GOMAXPROCS_X=1", "OMP_NUM_THREADSS=1", "NOT_RAYON_NUM_THREADS=1", "GOMEMLIMIT"});
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    EXPECT_EQ(value("OMP_NUM_THREADS"), "2");
    EXPECT_EQ(value("RAYON_NUM_THREADS"), "2");
    EXPECT_NE(value("GOMEMLIMIT"), "-");
}

TEST_F(RightsizeTest, NeverOutranksWhatTheUserSetForTheSameThing) {
    user({"OMP_NUM_THREADS=1", "GLIBC_TUNABLES=glibc.malloc.arena_max=1"});
    for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS",
                             "NUMEXPR_NUM_THREADS", "MALLOC_ARENA_MAX"})
        EXPECT_EQ(value(name), "-") << name;
    EXPECT_EQ(value("RAYON_NUM_THREADS"), "2");
    user({"NUMEXPR_MAX_THREADS=1", "GOTO_NUM_THREADS=1"});
    EXPECT_EQ(value("NUMEXPR_NUM_THREADS"), "-");
    EXPECT_EQ(value("OPENBLAS_NUM_THREADS"), "-");
    EXPECT_EQ(value("OMP_NUM_THREADS"), "2");
}

TEST_F(RightsizeTest, NeverLowersTheThreadPoolOfLibuv) {
    EXPECT_EQ(value("UV_THREADPOOL_SIZE"), "4");
    limits_.cpu.affinity = 4096;
    limits_.cpu.cpus = 6;
    EXPECT_EQ(value("UV_THREADPOOL_SIZE"), "6");
    limits_.cpu.cpus = 2000;
    EXPECT_EQ(value("UV_THREADPOOL_SIZE"), "1024");
    EXPECT_EQ(value("NUMEXPR_NUM_THREADS"), "64");
    EXPECT_EQ(value("OMP_NUM_THREADS"), "2000");
}

TEST_F(RightsizeTest, NeverMultipliesProcessesNorStopsAProgramFromStarting) {
    for (const Language language :
         {Language::unknown, Language::node, Language::java, Language::erlang, Language::make}) {
        is(language, {20, 0, 0});
        for (const char* name : {"WEB_CONCURRENCY", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "GHCRTS",
                                 "MAKEFLAGS", "ERL_AFLAGS", "MALLOC_CONF"})
            EXPECT_EQ(value(name), "-") << name;
    }
}

TEST_F(RightsizeTest, GivesNoProcessorHintsWhereAffinitySaysItAll) {
    for (const double cpus : {8.0, 12.0}) {
        limits_.cpu.cpus = cpus;
        EXPECT_EQ(value("GOMAXPROCS"), "-") << cpus;
        EXPECT_EQ(value("OMP_NUM_THREADS"), "-") << cpus;
    }
    limits_.cpu.state = core::LimitState::unknown;
    limits_.cpu.cpus.reset();
    EXPECT_EQ(value("GOMAXPROCS"), "-");
    EXPECT_NE(value("GOMEMLIMIT"), "-");
}

TEST_F(RightsizeTest, GivesNoMemoryHintsWithoutALimit) {
    limits_.memory = core::MemoryLimit();
    EXPECT_EQ(value("GOMEMLIMIT"), "-");
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    limits_.cpu = core::CpuLimit();
    EXPECT_TRUE(hints().empty());
}

TEST_F(RightsizeTest, GivesNoMemoryHintTooSmallToLiveWith) {
    shares_with(99);
    EXPECT_EQ(value("GOMEMLIMIT"), "-");
    shares_with(0);
    EXPECT_NE(value("GOMEMLIMIT"), "-");
}

TEST_F(RightsizeTest, TakesTheWorkersOwnProcessorsBeforeTheContainers) {
    request_.worker_cpus = 1;
    EXPECT_EQ(value("GOMAXPROCS"), "1");
    EXPECT_EQ(reason("GOMAXPROCS"), "1 CPU of the worker's CPU setting");
    request_.worker_cpus = 4;  // more than the container has
    EXPECT_EQ(value("GOMAXPROCS"), "2");
}

TEST_F(RightsizeTest, LeavesAGo125ProgramAloneThatSeesTheLimitItself) {
    go({1, 25, false});
    EXPECT_EQ(value("GOMAXPROCS"), "-");
    EXPECT_NE(value("GOMEMLIMIT"), "-");
    EXPECT_EQ(value("OMP_NUM_THREADS"), "2");
}

TEST_F(RightsizeTest, TellsAGo125ProgramOfALimitOnAnAncestor) {
    go({1, 25, false});
    limit_on_ancestor();
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    user({"GODEBUG=http2client=0,containermaxprocs=0"});
    EXPECT_EQ(value("GOMAXPROCS"), "-");
}

TEST_F(RightsizeTest, TellsOlderGoProgramsAndThoseBuiltNotToLook) {
    go({1, 19, false});
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    go({1, 26, true});
    EXPECT_EQ(value("GOMAXPROCS"), "2");
}

TEST_F(RightsizeTest, RoundsByTheDaemonsPolicyButIgnoresItsOwnProcessorCount) {
    request_.policy.rounding = cgroup::Rounding::floor;
    request_.policy.maxprocs = 5;
    EXPECT_EQ(value("GOMAXPROCS"), "1");
}

TEST_F(RightsizeTest, LeavesTheLimitOfItsOwnGroupToARuntimeThatFollowsIt) {
    go({1, 25, false});
    request_.worker_cpus = 1;
    EXPECT_EQ(value("GOMAXPROCS"), "1");
    request_.own_group.cpu_cap_in_force = true;
    EXPECT_EQ(value("GOMAXPROCS"), "-");
}

TEST_F(RightsizeTest, TellsAGo125ProgramInAGroupWithoutACapOfTheContainersLimit) {
    go({1, 25, false});
    request_.own_group.is_below_for_cpu = true;
    EXPECT_EQ(value("GOMAXPROCS"), "2") << "it stands on an ancestor now";
    request_.own_group.memory_cap_in_force = true;
    EXPECT_EQ(value("GOMAXPROCS"), "2") << "a cap of memory is none of processors";
    request_.own_group.cpu_cap_in_force = true;  // as much as the container has
    EXPECT_EQ(value("GOMAXPROCS"), "-");
}

TEST_F(RightsizeTest, SaysWhyAVariableIsNotHanded) {
    user({"OMP_NUM_THREADS=1", "RAYON_NUM_THREADS="});
    go({1, 26, false});
    EXPECT_EQ(omitted("GOMAXPROCS"), "Go 1.26 follows the limit by itself, live");
    EXPECT_EQ(omitted("OMP_NUM_THREADS"), "set already: it stays");
    EXPECT_EQ(omitted("RAYON_NUM_THREADS"), "set already: it stays");
    EXPECT_EQ(omitted("OPENBLAS_NUM_THREADS"), "OMP_NUM_THREADS is set already and rules it");
    EXPECT_EQ(omitted("TOKIO_WORKER_THREADS"), "-");
    EXPECT_EQ(omitted("NODE_OPTIONS"), "-") << "of no interest to a Go program";
}

TEST_F(RightsizeTest, SaysHowAFlagIsHad) {
    is(Language::node, {20, 0, 0});
    EXPECT_EQ(omitted("NODE_OPTIONS"),
              "a flag: handed with PILOTFISH_RIGHTSIZE=all, or the worker's RIGHTSIZE=node");
    request_.profile = RightsizeProfile::all;
    is(Language::unknown);
    EXPECT_EQ(omitted("NODE_OPTIONS"),
              "the program is not recognised as Node.js; the worker's RIGHTSIZE=node says that it "
              "is");
    is(Language::python, {3, 11, 0});
    EXPECT_EQ(omitted("NODE_OPTIONS"), "-");
}

TEST_F(RightsizeTest, TakesANamedProgramsWordForWhatItIs) {
    for (const char* name : {"node", "java", "erlang", "make", "ghc", "mkl", "jemalloc"})
        named_.push_back(name);
    for (const char* name : {"NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "ERL_AFLAGS", "MAKEFLAGS",
                             "GHCRTS", "MKL_NUM_THREADS", "MALLOC_CONF"})
        EXPECT_EQ(value(name), "-") << name;
    limits_.memory.levels[0].max_bytes = limits_.memory.limit_bytes = 1024 * kMiB;
    request_.programs = named_;
    for (const char* name : {"NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "ERL_AFLAGS", "MAKEFLAGS",
                             "GHCRTS", "MKL_NUM_THREADS", "MALLOC_CONF"})
        EXPECT_NE(value(name), "-") << name;
    EXPECT_EQ(value("CARGO_BUILD_JOBS"), "-");
}

TEST_F(RightsizeTest, OfProfileAllHandsNoFlagToAProgramOfAnotherKind) {
    request_.profile = RightsizeProfile::all;
    for (const Language language : {Language::unknown, Language::go, Language::python}) {
        is(language);
        for (const char* name :
             {"NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "ERL_AFLAGS", "MAKEFLAGS", "GHCRTS"})
            EXPECT_EQ(value(name), "-") << name;
    }
}

}  // namespace
}  // namespace pilotfish::daemon
