#include "core/process_fd.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/pipe.h"
#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class ProcessFdOf : public LeakFree {};

pid_t child_that_exits(int code) {
    const pid_t child = fork();
    if (child == 0) _exit(code);
    return child;
}

pid_t child_that_waits() {
    const pid_t child = fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    return child;
}

Task<int> waits_for_exits() {
    for (const int code : {0, 7, 255}) {
        Result<ProcessFd> child = ProcessFd::open(child_that_exits(code));
        if (code == 7) co_await sleep_for(5ms);  // mostly over by then
        const Result<ProcessExit> exit = co_await child->wait();
        EXPECT_EQ(*exit, (ProcessExit{.code = code}));
        const Result<ProcessExit> again = co_await child->wait();
        EXPECT_EQ(again.error().message,
                  "cannot wait for process " + std::to_string(child->pid()) +
                      ": it is no child of this process, or was waited for already");
    }
    co_return 0;
}

TEST_F(ProcessFdOf, TellsTheExitCode) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(waits_for_exits()), 0);
    }
}

Task<int> kills() {
    Result<ProcessFd> child = ProcessFd::open(child_that_waits());
    EXPECT_TRUE(child->send_signal(0).ok());
    const Result<void> bad = child->send_signal(1000);
    EXPECT_EQ(bad.error().message, "cannot send signal 1000 to process " +
                                       std::to_string(child->pid()) + ": Invalid argument");
    EXPECT_TRUE(child->send_signal(SIGKILL).ok());
    const Result<ProcessExit> exit = co_await child->wait();
    EXPECT_EQ(*exit, (ProcessExit{.signal = SIGKILL}));
    const Result<void> gone = child->send_signal(SIGTERM);
    EXPECT_EQ(gone.error().system_errno, ESRCH);
    co_return 0;
}

TEST_F(ProcessFdOf, SendsSignalsAndTellsWhichOneEndedIt) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(kills()), 0);
}

Task<int> deadline_passes(ManualClock& clock) {
    Result<ProcessFd> child = ProcessFd::open(child_that_waits());
    const Result<ProcessExit> late = co_await child->wait(clock.now());
    EXPECT_TRUE(late.error().timed_out());
    EXPECT_EQ(late.error().message,
              "cannot wait for process " + std::to_string(child->pid()) + ": timed out");
    const Result<void> end = co_await child->wait_for_end(clock.now());
    EXPECT_TRUE(end.error().timed_out());
    EXPECT_TRUE(child->send_signal(SIGKILL).ok());
    const Result<ProcessExit> exit = co_await child->wait();
    EXPECT_EQ(exit->signal, SIGKILL) << "a deadline leaves the process as it is";
    co_return 0;
}

TEST_F(ProcessFdOf, DeadlineEndsTheWaitOnly) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(deadline_passes(clock)), 0);
}

// The child's child is nobody of ours: it can be watched and not reaped.
Task<int> watches_a_stranger() {
    Result<Pipe> pipe = make_pipe();
    const pid_t child = fork();
    if (child == 0) {
        if (fork() == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            // By itself: told earlier, its parent might be killed before it would notice.
            const pid_t self = ::getpid();
            (void)!::write(pipe->writer.descriptor(), &self, sizeof self);
        }
        for (;;) ::pause();
    }
    pid_t grandchild = 0;
    std::span<char> into(reinterpret_cast<char*>(&grandchild), sizeof grandchild);
    (void)co_await pipe->reader.read_exactly(into);
    Result<ProcessFd> stranger = ProcessFd::open(grandchild);
    Result<ProcessFd> own = ProcessFd::open(child);
    const Result<ProcessExit> not_ours = co_await stranger->wait();
    EXPECT_EQ(not_ours.error().system_errno, ECHILD);
    EXPECT_TRUE(own->send_signal(SIGKILL).ok());  // takes its child with it
    const Result<void> end = co_await stranger->wait_for_end();
    EXPECT_TRUE(end.ok());
    const Result<void> seen = co_await own->wait_for_end();
    EXPECT_TRUE(seen.ok());
    const Result<ProcessExit> exit = co_await own->wait();
    EXPECT_EQ(exit->signal, SIGKILL) << "seeing the end reaps nothing";
    co_return 0;
}

TEST_F(ProcessFdOf, WatchesAProcessThatIsNoChild) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(watches_a_stranger()), 0);
}

Task<> waits(ProcessFd& process, std::string& told) {
    const Result<ProcessExit> exit = co_await process.wait();
    told = exit ? "exit" : exit.error().message;
}

Task<int> closes() {
    const Result<ProcessFd> none = ProcessFd::open(0x3fffffff);
    EXPECT_EQ(none.error().message, "cannot watch process 1073741823: No such process");
    const pid_t child = child_that_waits();
    Result<ProcessFd> process = ProcessFd::open(child);
    std::string told;
    JoinHandle<> waiting = spawn(waits(*process, told));
    co_await yield();
    process->close();
    co_await waiting;
    EXPECT_TRUE(told.ends_with("it was closed on this side")) << told;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    co_return 0;
}

TEST_F(ProcessFdOf, CloseIsToldToWhoeverWaits) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes()), 0);
}

}  // namespace
}  // namespace pilotfish::core
