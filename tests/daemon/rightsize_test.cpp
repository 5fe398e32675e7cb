#include "daemon/rightsize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace pilotfish::daemon {
namespace {

constexpr std::uint64_t kMiB = 1u << 20;

// 1.5 CPUs of 8, 256 MiB: the container of the README.
core::Limits container() {
    core::Limits limits;
    limits.cpu.state = core::LimitState::limited;
    limits.cpu.cpus = 1.5;
    limits.cpu.source = "/sys/fs/cgroup/cpu.max";
    limits.cpu.affinity = limits.cpu.online = 8;
    limits.cpu.levels.push_back({"/sys/fs/cgroup/cpu.max", 1.5, true});
    limits.memory.state = core::LimitState::limited;
    limits.memory.limit_bytes = 256 * kMiB;
    limits.memory.source = "/sys/fs/cgroup/memory.max";
    limits.memory.levels.push_back({"/sys/fs/cgroup/memory.max", 256 * kMiB, std::nullopt, true});
    return limits;
}

class RightsizeTest : public testing::Test {
  protected:
    RightsizeTest() { request_.limits = &limits_; }
    void user(std::vector<std::string> environment) {
        environment_ = std::move(environment);
        request_.environment = environment_;
    }
    void limit_on_ancestor() {
        limits_.cpu.levels.insert(limits_.cpu.levels.begin(), {"/own/cpu.max", std::nullopt, true});
    }
    std::string value(const std::string& name) const {
        for (const Hint& hint : rightsize(request_))
            if (hint.name == name) return hint.value;
        return "-";
    }
    std::string reason(const std::string& name) const {
        for (const Hint& hint : rightsize(request_))
            if (hint.name == name) return hint.reason;
        return "-";
    }
    core::Limits limits_ = container();
    std::vector<std::string> environment_;
    RightsizeRequest request_;
};

TEST_F(RightsizeTest, GivesTheSafeSetToAnUnknownProgram) {
    std::string all;
    for (const Hint& hint : rightsize(request_)) all += hint.name + "=" + hint.value + "\n";
    EXPECT_EQ(all,
              "GOMAXPROCS=2\n"
              "OMP_NUM_THREADS=2\n"
              "OPENBLAS_NUM_THREADS=2\n"
              "MKL_NUM_THREADS=2\n"
              "BLIS_NUM_THREADS=2\n"
              "NUMEXPR_NUM_THREADS=2\n"
              "RAYON_NUM_THREADS=2\n"
              "TOKIO_WORKER_THREADS=2\n"
              "PYTHON_CPU_COUNT=2\n"
              "UV_THREADPOOL_SIZE=4\n"
              "GOMEMLIMIT=233203302\n"
              "MALLOC_ARENA_MAX=2\n");
}

TEST_F(RightsizeTest, GivesAReasonForEach) {
    EXPECT_EQ(reason("GOMAXPROCS"), "1.5 CPUs of /sys/fs/cgroup/cpu.max");
    EXPECT_EQ(reason("GOMEMLIMIT"),
              "90% of 256 MiB of /sys/fs/cgroup/memory.max, less 8 MiB for pilotfish");
    for (const Hint& hint : rightsize(request_)) EXPECT_FALSE(hint.reason.empty()) << hint.name;
}

TEST_F(RightsizeTest, OfProfileNoneGivesNothing) {
    request_.profile = RightsizeProfile::none;
    EXPECT_TRUE(rightsize(request_).empty());
}

TEST_F(RightsizeTest, NeverOverwritesTheUserNotEvenAnEmptyValue) {
    std::vector<std::string> mine;
    for (const Hint& hint : rightsize(request_)) mine.push_back(hint.name + "=");
    user(mine);
    EXPECT_TRUE(rightsize(request_).empty());
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
    for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
                             "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "MALLOC_ARENA_MAX"})
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
    for (const char* name : {"WEB_CONCURRENCY", "NODE_OPTIONS", "JAVA_TOOL_OPTIONS", "GHCRTS",
                             "MAKEFLAGS", "ERL_FLAGS"})
        EXPECT_EQ(value(name), "-") << name;
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
    EXPECT_TRUE(rightsize(request_).empty());
}

TEST_F(RightsizeTest, DividesMemoryAmongWorkersAfterTheDaemonsReserveAndCpuNever) {
    request_.memory_workers = 3;
    EXPECT_EQ(value("GOMEMLIMIT"), std::to_string((241591910u - 8 * kMiB) / 3));
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    EXPECT_NE(reason("GOMEMLIMIT").find("shared by 3 workers"), std::string::npos);
}

TEST_F(RightsizeTest, GivesNoMemoryHintTooSmallToLiveWith) {
    request_.memory_workers = 100;
    EXPECT_EQ(value("GOMEMLIMIT"), "-");
    request_.memory_workers = 1;
    limits_.memory.levels[0].max_bytes = 4096;
    EXPECT_EQ(value("GOMEMLIMIT"), "-");
}

TEST_F(RightsizeTest, TakesTheWorkersOwnSettingsBeforeTheContainers) {
    request_.worker_cpus = 1;
    request_.worker_memory_bytes = 100 * kMiB;
    request_.memory_workers = 3;
    EXPECT_EQ(value("GOMAXPROCS"), "1");
    EXPECT_EQ(reason("GOMAXPROCS"), "1 CPU of the worker's CPU setting");
    EXPECT_EQ(value("GOMEMLIMIT"), std::to_string(90 * kMiB));
    request_.worker_cpus = 4;  // more than the container has
    EXPECT_EQ(value("GOMAXPROCS"), "2");
}

TEST_F(RightsizeTest, UsesMemoryHighItselfWhereItIsLeast) {
    limits_.memory.levels[0].high_bytes = 100 * kMiB;
    EXPECT_EQ(value("GOMEMLIMIT"), std::to_string(92 * kMiB));
}

TEST_F(RightsizeTest, LeavesAGo125ProgramAloneThatSeesTheLimitItself) {
    request_.go = GoVersion{1, 25, false};
    EXPECT_EQ(value("GOMAXPROCS"), "-");
    EXPECT_NE(value("GOMEMLIMIT"), "-");
    EXPECT_EQ(value("OMP_NUM_THREADS"), "2");
}

TEST_F(RightsizeTest, TellsAGo125ProgramOfALimitOnAnAncestor) {
    request_.go = GoVersion{1, 25, false};
    limit_on_ancestor();
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    user({"GODEBUG=http2client=0,containermaxprocs=0"});
    EXPECT_EQ(value("GOMAXPROCS"), "-");
}

TEST_F(RightsizeTest, TellsOlderGoProgramsAndThoseBuiltNotToLook) {
    request_.go = GoVersion{1, 19, false};
    EXPECT_EQ(value("GOMAXPROCS"), "2");
    request_.go = GoVersion{1, 26, true};
    EXPECT_EQ(value("GOMAXPROCS"), "2");
}

TEST_F(RightsizeTest, RoundsByTheDaemonsPolicyButIgnoresItsOwnProcessorCount) {
    request_.policy.rounding = cgroup::Rounding::floor;
    request_.policy.maxprocs = 5;
    EXPECT_EQ(value("GOMAXPROCS"), "1");
}

}  // namespace
}  // namespace pilotfish::daemon
