#include "daemon/process_table.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

#include "daemon/descendants.h"

using pilotfish::daemon::ProcessEnd;
using pilotfish::daemon::ProcessListener;
using pilotfish::daemon::ProcessTable;
using pilotfish::daemon::SpawnRequest;

namespace {

struct Recorder final : ProcessListener {
    std::vector<ProcessEnd> ends;
    std::vector<pid_t> stopped;
    void process_ended(const ProcessEnd& end) override { ends.push_back(end); }
    void process_stopped(pid_t pid) override { stopped.push_back(pid); }
};

SpawnRequest shell(const std::string& script) {
    SpawnRequest request;
    request.command = {"/bin/sh", "-c", script};
    request.environment = {"PATH=/usr/bin:/bin"};
    return request;
}

// Blocks until the kernel says that the process has ended.
void wait_until_ended(int pidfd) {
    pollfd entry{pidfd, POLLIN, 0};
    ASSERT_EQ(poll(&entry, 1, 20'000), 1);
}

// Blocks until some child is there to be reaped.
void wait_until_reapable() {
    siginfo_t info{};
    ASSERT_EQ(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
}

}  // namespace

TEST(ProcessTable, TellsTheListenerOfTheEndOnce) {
    ProcessTable table;
    Recorder recorder;
    const auto result = table.spawn(shell("exit 5"), recorder, 0);
    ASSERT_TRUE(result.process);
    wait_until_ended(result.process->pidfd);
    EXPECT_EQ(table.reap().workers, 1);
    EXPECT_EQ(table.reap().workers, 0);
    ASSERT_EQ(recorder.ends.size(), 1U);
    EXPECT_EQ(recorder.ends[0].status.code, 5);
    EXPECT_EQ(recorder.ends[0].pid, result.process->pid);
    close(result.process->pidfd);
    EXPECT_FALSE(ProcessTable::has_children());
}

TEST(ProcessTable, OneCallReapsEveryOrphan) {
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ProcessTable table;
    Recorder recorder;
    // The subshells outlive their parent and come to us.
    const auto result = table.spawn(
        shell("for i in 1 2 3 4 5; do (exec sleep 1000) & done; exit 0"), recorder, SIGTERM);
    ASSERT_TRUE(result.process);
    int orphans = 0;
    while (ProcessTable::has_children()) {
        wait_until_reapable();
        orphans += table.reap().orphans;
    }
    EXPECT_EQ(orphans, 5);
    EXPECT_EQ(table.orphans_reaped(), 5U);
    EXPECT_EQ(recorder.ends.size(), 1U);
    close(result.process->pidfd);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST(ProcessTable, AWorkerStoppedByTheTerminalIsReportedAndStaysRegistered) {
    ProcessTable table;
    Recorder recorder;
    const auto result = table.spawn(shell("kill -TSTP $$; exit 4"), recorder, 0);
    ASSERT_TRUE(result.process);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(result.process->pid), &info, WSTOPPED | WNOWAIT), 0);
    table.reap();
    EXPECT_EQ(recorder.stopped, std::vector<pid_t>{result.process->pid});
    kill(result.process->pid, SIGCONT);
    wait_until_ended(result.process->pidfd);
    table.reap();
    ASSERT_EQ(recorder.ends.size(), 1U);
    EXPECT_EQ(recorder.ends[0].status.code, 4);
    close(result.process->pidfd);
}

TEST(ProcessTable, AStopThatIsNotTheTerminalsIsNobodysNews) {
    ProcessTable table;
    Recorder recorder;
    const auto result = table.spawn(shell("kill -STOP $$; exit 4"), recorder, 0);
    ASSERT_TRUE(result.process);
    siginfo_t info{};
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(result.process->pid), &info, WSTOPPED | WNOWAIT), 0);
    table.reap();
    EXPECT_TRUE(recorder.stopped.empty());
    kill(result.process->pid, SIGCONT);
    wait_until_ended(result.process->pidfd);
    table.reap();
    EXPECT_EQ(recorder.ends.size(), 1U);
    close(result.process->pidfd);
}

TEST(Descendants, ThoseWhoLeftTheSessionAreFoundAndKilled) {
    ASSERT_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    ProcessTable table;
    Recorder recorder;
    const auto result = table.spawn(shell("setsid sleep 1000 & sleep 1000 & wait"), recorder, 0);
    ASSERT_TRUE(result.process);
    // Until both have become sleep.
    for (int tries = 0; tries < 2000; ++tries) {
        if (pilotfish::daemon::descendants_of(getpid()).size() == 3) break;
        sched_yield();
    }
    EXPECT_EQ(pilotfish::daemon::descendants_of(getpid()).size(), 3U);
    EXPECT_EQ(pilotfish::daemon::kill_descendants(), 3);
    while (ProcessTable::has_children()) {
        wait_until_reapable();
        table.reap();
    }
    EXPECT_TRUE(pilotfish::daemon::descendants_of(getpid()).empty());
    close(result.process->pidfd);
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}
