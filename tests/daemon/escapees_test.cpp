#include "daemon/escapees.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

using namespace pilotfish::daemon;

namespace {

using namespace std::string_literals;

struct Nobody final : ProcessListener {
    void process_ended(const ProcessEnd&) override {}
    void process_stopped(pid_t) override {}
};

std::vector<std::string> environment_of(const std::string& worker,
                                        const std::string& socket = "unix:@ours") {
    return {"PATH=/usr/bin:/bin", "PILOTFISH_WORKER=" + worker, "PILOTFISH_INSTANCE=1",
            "PILOTFISH_CONTROL_SOCKET=" + socket};
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::yield();
    }
    return true;
}

// Workers whose leader is a zombie at once, and whose escapee an orphan of ours.
class EscapeesFound : public testing::Test {
  protected:
    void SetUp() override { ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); }
    void TearDown() override {
        kill_descendants();
        while (waitpid(-1, nullptr, 0) > 0) {
        }
        prctl(PR_SET_CHILD_SUBREAPER, 0);
    }

    // The escapee's pid. It is one process, asleep, and SIGTERM ends it.
    pid_t escapee(const std::vector<std::string>& environment,
                  const std::string& command = "exec sleep 1000") {
        int ends[2];
        EXPECT_EQ(pipe(ends), 0);
        SpawnRequest request;
        request.command = {"/bin/sh", "-c", "setsid sh -c 'echo $$; " + command + "' & exit 0"};
        request.environment = environment;
        request.stdout_fd = ends[1];
        const auto result = processes_.spawn(request, nobody_, 0);
        EXPECT_TRUE(result.process);
        close(ends[1]);
        char text[32] = {};
        EXPECT_GT(read(ends[0], text, sizeof text - 1), 0);
        close(ends[0]);
        pollfd entry{result.process->pidfd, POLLIN, 0};
        EXPECT_EQ(poll(&entry, 1, 30'000), 1);
        close(result.process->pidfd);
        processes_.reap();
        return std::stoi(text);
    }
    static bool is_over(pid_t pid) {
        const auto process = read_process(pid);
        return !process || process->state == 'Z';
    }

    ProcessTable processes_;
    Nobody nobody_;
};

}  // namespace

TEST(EscapeeMarks, AreWholeEntriesOfTheEnvironment) {
    const std::vector<std::string> marks = {"PILOTFISH_WORKER=web", "PILOTFISH_INSTANCE=1"};
    EXPECT_TRUE(holds_marks("A=1\0PILOTFISH_INSTANCE=1\0PILOTFISH_WORKER=web\0"s, marks));
    EXPECT_TRUE(holds_marks("PILOTFISH_INSTANCE=1\0PILOTFISH_WORKER=web"s, marks));
    EXPECT_FALSE(holds_marks("PILOTFISH_INSTANCE=1\0PILOTFISH_WORKER=web2\0"s, marks));
    EXPECT_FALSE(holds_marks("PILOTFISH_INSTANCE=12\0PILOTFISH_WORKER=web\0"s, marks));
    EXPECT_FALSE(holds_marks("X=PILOTFISH_WORKER=web\0PILOTFISH_INSTANCE=1\0"s, marks));
    EXPECT_FALSE(holds_marks("PILOTFISH_WORKER=web\0"s, marks));
    EXPECT_FALSE(holds_marks("", marks)) << "as of who may not be read";
    EXPECT_FALSE(holds_marks("\0\0\0"s, marks));
    EXPECT_FALSE(holds_marks("PILOTFISH_WORKER=web\0"s, {})) << "no marks are nobody's";
}

TEST_F(EscapeesFound, AreToldAndGoneAndNobodyElseIs) {
    Escapees web;
    web.run_begins(environment_of("web"));
    EXPECT_FALSE(web.tell(processes_));
    const pid_t other = escapee(environment_of("other"));
    const pid_t nested = escapee(environment_of("web", "unix:@nested"));
    EXPECT_FALSE(web.tell(processes_));
    const pid_t ours = escapee(environment_of("web"));
    EXPECT_TRUE(web.tell(processes_));
    EXPECT_TRUE(eventually([&] { return is_over(ours); }));
    EXPECT_FALSE(web.tell(processes_)) << "a zombie is nobody to wait for";
    EXPECT_FALSE(is_over(other));
    EXPECT_FALSE(is_over(nested));
}

TEST_F(EscapeesFound, TheDeafAreKilledWithAllBelowThem) {
    Escapees web;
    web.run_begins(environment_of("web"));
    // Below it somebody who carries no mark: the tree tells.
    const pid_t deaf = escapee(environment_of("web"),
                               "trap \"\" TERM; env -i sleep 1000 & while :; do wait; done");
    ASSERT_TRUE(eventually([&] { return descendants_of(deaf).size() == 1; }));
    const pid_t below = descendants_of(deaf).front().pid;
    EXPECT_TRUE(web.tell(processes_));
    EXPECT_TRUE(web.tell(processes_));
    EXPECT_FALSE(is_over(deaf));
    web.kill(processes_);
    EXPECT_TRUE(eventually([&] { return is_over(deaf) && is_over(below); }));
}

TEST_F(EscapeesFound, AreThoseOfThisRunAlone) {
    const pid_t earlier = escapee(environment_of("web"));
    const auto began = read_process(earlier);
    ASSERT_TRUE(began);
    Escapees web;
    // The clock of start times goes by ticks of a hundredth of a second.
    ASSERT_TRUE(eventually([&] {
        const auto now = read_process(escapee(environment_of("clock")));
        return now && now->start_ticks > began->start_ticks;
    }));
    web.run_begins(environment_of("web"));
    EXPECT_FALSE(web.tell(processes_));
    EXPECT_FALSE(is_over(earlier));
}

TEST_F(EscapeesFound, AWorkersOwnProcessIsNeverOne) {
    Escapees web;
    web.run_begins(environment_of("web"));
    SpawnRequest request;
    request.command = {"/bin/sleep", "1000"};
    request.environment = environment_of("web");
    const auto result = processes_.spawn(request, nobody_, 0);
    ASSERT_TRUE(result.process);
    EXPECT_FALSE(web.tell(processes_));
    EXPECT_FALSE(is_over(result.process->pid));
    close(result.process->pidfd);
}

TEST_F(EscapeesFound, ByTheImageAfterAnUpgradeToo) {
    const auto environment = environment_of("web");
    SpawnRequest request;
    request.command = {"/bin/sleep", "1000"};
    request.environment = environment;
    const auto leader = processes_.spawn(request, nobody_, 0);
    ASSERT_TRUE(leader.process);
    const pid_t nested = escapee(environment_of("web", "unix:@nested"));
    Escapees web;
    // It does not know the socket; the leader's environment does.
    web.run_goes_on({"PILOTFISH_WORKER=web", "PILOTFISH_INSTANCE=1"}, leader.process->pid);
    EXPECT_FALSE(web.tell(processes_));
    const pid_t ours = escapee(environment);
    EXPECT_TRUE(web.tell(processes_));
    EXPECT_TRUE(eventually([&] { return is_over(ours); }));
    EXPECT_FALSE(is_over(nested));
    close(leader.process->pidfd);
}
