// What a child is given between clone and exec beside its descriptors and signals: a group, an OOM
// score and resource limits, each from its first instruction on.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <fstream>
#include <string>

#include "daemon/spawn.h"
#include "tests/cgroup/real_groups.h"

namespace pilotfish::daemon {
namespace {

using tests::RealParents;

struct Ended {
    int code = -1;
    std::string output;
    std::string error;
    int exit_code_of_failure = 0;
};

Ended run(SpawnRequest request) {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    request.stdout_fd = ends[1];
    const SpawnResult result = spawn(request);
    close(ends[1]);
    Ended ended;
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof buffer)) > 0;)
        ended.output.append(buffer, static_cast<std::size_t>(n));
    close(ends[0]);
    if (!result.process) {
        ended.error = result.error.error.message;
        ended.exit_code_of_failure = result.error.exit_code;
        return ended;
    }
    siginfo_t info{};
    waitid(P_PIDFD, static_cast<id_t>(result.process->pidfd), &info, WEXITED);
    close(result.process->pidfd);
    ended.code = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
    return ended;
}

SpawnRequest command(std::vector<std::string> words) {
    SpawnRequest request;
    request.command = std::move(words);
    request.environment = {"PATH=/usr/bin:/bin"};
    return request;
}

int own_oom_score() {
    int score = 0;
    std::ifstream("/proc/self/oom_score_adj") >> score;
    return score;
}

TEST(SpawnLimits, ResourceLimitsHoldInTheChildAlone) {
    rlimit before{};
    getrlimit(RLIMIT_NOFILE, &before);
    SpawnRequest request = command({"sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -Sc"});
    request.resource_limits = {{"NOFILE", RLIMIT_NOFILE, 64, 128}, {"CORE", RLIMIT_CORE, 0, 0}};
    EXPECT_EQ(run(request).output, "64\n128\n0\n");
    rlimit after{};
    getrlimit(RLIMIT_NOFILE, &after);
    EXPECT_EQ(after.rlim_cur, before.rlim_cur);
}

TEST(SpawnLimits, ALimitOfNoDescriptorsDoesNotKeepItFromStarting) {
    SpawnRequest request = command({"/bin/sh", "-c", "exit 3"});
    request.resource_limits = {{"NOFILE", RLIMIT_NOFILE, 3, 3}};
    const Ended ended = run(request);
    // The loader of a dynamic shell cannot open its library then: whatever it says, it was started.
    EXPECT_EQ(ended.error, "");
}

TEST(SpawnLimits, ALimitThatMayNotBeRaisedIsAFailedStartWithItsName) {
    SpawnRequest request = command({"true"});
    // Above what the kernel allows anybody, root with all capabilities included (fs.nr_open).
    request.resource_limits = {{"CORE", RLIMIT_CORE, 0, 0},
                               {"NOFILE", RLIMIT_NOFILE, std::nullopt, std::nullopt}};
    const Ended ended = run(request);
    EXPECT_EQ(ended.exit_code_of_failure, 125);
    EXPECT_NE(ended.error.find("cannot start true: set RLIMIT_NOFILE"), std::string::npos)
        << ended.error;
    EXPECT_NE(ended.error.find("CAP_SYS_RESOURCE"), std::string::npos) << ended.error;
}

TEST(SpawnLimits, TheOomScoreIsTheChildsAlone) {
    const int before = own_oom_score();
    SpawnRequest request = command({"cat", "/proc/self/oom_score_adj"});
    request.oom_score_adj = 777;
    EXPECT_EQ(run(request).output, "777\n");
    EXPECT_EQ(own_oom_score(), before) << "the child shares our memory while it is set";
}

TEST(SpawnLimits, AnOomScoreThatMayNotBeLoweredIsAFailedStartThatSaysWhy) {
    SpawnRequest request = command({"true"});
    request.oom_score_adj = -1000;
    const Ended ended = run(request);
    if (ended.error.empty()) GTEST_SKIP() << "this process has CAP_SYS_RESOURCE";
    EXPECT_EQ(ended.exit_code_of_failure, 125);
    EXPECT_NE(ended.error.find("set OOM_SCORE_ADJ=-1000 (less than our own needs CAP_SYS_RESOURCE"),
              std::string::npos)
        << ended.error;
}

class SpawnInAGroup : public testing::TestWithParam<std::vector<std::string>> {
  protected:
    void SetUp() override {
        if (!parents_.why_not().empty()) GTEST_SKIP() << parents_.why_not();
    }
    // How many lines of the child's own /proc/self/cgroup name the group.
    int lines_inside(const Ended& ended) const {
        int lines = 0;
        for (std::size_t at = 0; (at = ended.output.find("/web\n", at)) != std::string::npos; ++at)
            ++lines;
        return lines;
    }
    const RealParents parents_{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(In, SpawnInAGroup,
                         testing::Values(std::vector<std::string>{"cpu", "memory", "pids"},
                                         std::vector<std::string>{"cpu", "memory", "unified"},
                                         std::vector<std::string>{"unified"}));

TEST_P(SpawnInAGroup, ItIsBornInsideInEveryHierarchy) {
    const auto group = cgroup::ChildGroup::create(parents_.list(), "web", {});
    ASSERT_TRUE(group) << group.error().message;
    const auto doors = group->open_doors();
    ASSERT_TRUE(doors) << doors.error().message;
    SpawnRequest request = command({"cat", "/proc/self/cgroup"});
    request.group = &*doors;
    const Ended ended = run(request);
    EXPECT_EQ(lines_inside(ended), static_cast<int>(GetParam().size())) << ended.output;
    EXPECT_EQ(ended.code, 0);
    request.command = {"/no/such/program"};
    const Ended failed = run(request);
    EXPECT_EQ(failed.exit_code_of_failure, 127) << "a failed exec is told from there too";
    EXPECT_FALSE(group->populated());
}

// As seccomp profiles of older engines answer: clone3 is no call at all, or a forbidden one.
void refuse_clone3(std::uint32_t reason) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | reason),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{std::size(filter), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        _exit(7);
}

TEST_P(SpawnInAGroup, WithoutClone3ItEntersByItself) {
    const auto group = cgroup::ChildGroup::create(parents_.list(), "web", {});
    ASSERT_TRUE(group) << group.error().message;
    const auto doors = group->open_doors();
    ASSERT_TRUE(doors) << doors.error().message;
    for (const int reason : {ENOSYS, EPERM}) {
        const pid_t filtered = fork();
        if (filtered == 0) {
            refuse_clone3(static_cast<std::uint32_t>(reason));
            SpawnRequest request = command({"cat", "/proc/self/cgroup"});
            request.group = &*doors;
            const Ended ended = run(request);
            _exit(lines_inside(ended) == static_cast<int>(GetParam().size()) ? 0 : 1);
        }
        int status = 0;
        waitpid(filtered, &status, 0);
        EXPECT_EQ(status, 0) << reason;
    }
}

TEST_P(SpawnInAGroup, AfterEverybodyInItWasKilledTheNextOneLives) {
    const auto group = cgroup::ChildGroup::create(parents_.list(), "web", {});
    ASSERT_TRUE(group) << group.error().message;
    group->kill_all();
    const auto doors = group->open_doors();
    ASSERT_TRUE(doors) << doors.error().message;
    SpawnRequest request = command({"cat", "/proc/self/cgroup"});
    request.group = &*doors;
    const Ended ended = run(request);
    EXPECT_EQ(ended.code, 0);
    EXPECT_EQ(lines_inside(ended), static_cast<int>(GetParam().size())) << ended.output;
}

TEST_P(SpawnInAGroup, AfterSomebodyElseKilledItTheNextOneLives) {
    const auto group = cgroup::ChildGroup::create(parents_.list(), "web", {});
    ASSERT_TRUE(group) << group.error().message;
    for (const cgroup::GroupPlace& place : group->places()) {
        if (place.version != 2) continue;
        if (!cgroup::write_group_file(place.directory + "/cgroup.kill", "1"))
            GTEST_SKIP() << "no cgroup.kill before Linux 5.14";
    }
    for (int run_number = 0; run_number < 2; ++run_number) {
        const auto doors = group->open_doors();
        ASSERT_TRUE(doors) << doors.error().message;
        if (run_number == 1) {
            EXPECT_FALSE(doors->directory) << "it is not tried again";
        }
        SpawnRequest request = command({"cat", "/proc/self/cgroup"});
        request.group = &*doors;
        const Ended ended = run(request);
        EXPECT_EQ(ended.code, 0);
        EXPECT_EQ(lines_inside(ended), static_cast<int>(GetParam().size())) << ended.output;
    }
}

TEST_P(SpawnInAGroup, AGroupThatIsGoneIsAFailedStart) {
    const auto group = cgroup::ChildGroup::create(parents_.list(), "web", {});
    ASSERT_TRUE(group) << group.error().message;
    const auto doors = group->open_doors();
    ASSERT_TRUE(doors);
    ASSERT_TRUE(group->remove(std::chrono::seconds(10)));
    SpawnRequest request = command({"true"});
    request.group = &*doors;
    const Ended ended = run(request);
    EXPECT_EQ(ended.exit_code_of_failure, 125);
    EXPECT_TRUE(ended.error.starts_with("cannot start true: enter its group /")) << ended.error;
}

}  // namespace
}  // namespace pilotfish::daemon
