#include "core/locked_thread.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "core/blocking.h"
#include "core/cancel.h"
#include "core/channel.h"
#include "core/scheduler.h"
#include "core/sleep.h"
#include "core/stack_dump.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class LockedThread : public LeakFree, public testing::WithParamInterface<int> {};

pid_t thread_id() { return static_cast<pid_t>(syscall(SYS_gettid)); }

// A mark that only the locked task may see on its thread.
thread_local int mark = 0;

Task<> hops(int times, int& foreign) {
    for (int i = 0; i < times; ++i) {
        if (mark != 0) ++foreign;
        co_await yield();
    }
}

Task<> echoes(Channel<int>& in, Channel<int>& out) {
    for (;;) {
        Received<int> got = co_await in.receive();
        if (!got) co_return;
        out.post(got.value.value() + 1);
    }
}

// Waits in every way there is.
Task<> stays(int number, int rounds) {
    ThreadLock lock;
    const pid_t here = thread_id();
    mark = number;
    Channel<int> ask;
    Channel<int> answer;
    JoinHandle<> echo = spawn(echoes(ask, answer));
    for (int i = 0; i < rounds; ++i) {
        EXPECT_EQ(thread_id(), here);
        EXPECT_EQ(mark, number);
        co_await yield();
        EXPECT_EQ(thread_id(), here);
        ask.post(i);
        Received<int> got = co_await answer.receive();
        EXPECT_TRUE(got);
        EXPECT_EQ(got.value.value(), i + 1);
        EXPECT_EQ(thread_id(), here);
        co_await sleep_for(50us);
        EXPECT_EQ(thread_id(), here);
        const pid_t other = co_await blocking([] { return thread_id(); });
        EXPECT_NE(other, here);
        EXPECT_EQ(thread_id(), here);
    }
    EXPECT_EQ(mark, number);
    mark = 0;
    ask.close();
    co_await echo;
}

Task<int> many_stay() {
    int foreign = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 1; i <= 4; ++i) tasks.push_back(spawn(stays(i, 40 / kSlowdown)));
    for (int i = 0; i < 20; ++i) tasks.push_back(spawn(hops(400 / kSlowdown, foreign)));
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(foreign, 0) << "others ran on a locked thread";
    co_return 0;
}

TEST_P(LockedThread, IsThatOfItsTaskAlone) {
    Runtime runtime(eager(GetParam()));
    EXPECT_EQ(runtime.run(many_stay()), 0);
}

Task<int> stays_on_the_first(std::thread::id first) {
    ThreadLock lock;
    int foreign = 0;
    mark = 7;
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(std::this_thread::get_id(), first);
        std::vector<JoinHandle<>> others;
        for (int j = 0; j < 5; ++j) others.push_back(spawn(hops(20, foreign)));
        for (JoinHandle<>& other : others) co_await other;
        co_await sleep_for(10us);
    }
    EXPECT_EQ(std::this_thread::get_id(), first);
    EXPECT_EQ(foreign, 0);
    mark = 0;
    co_return 0;
}

TEST_P(LockedThread, IsTheFirstOneForAMainTaskThatLocksAtOnce) {
    Runtime runtime(eager(GetParam()));
    EXPECT_EQ(runtime.run(stays_on_the_first(std::this_thread::get_id())), 0);
}

INSTANTIATE_TEST_SUITE_P(Of, LockedThread, testing::Values(1, 2, 8));

class LockedThreads : public LeakFree {};

Task<> ends_locked(pid_t& tid, bool& ended) {
    lock_os_thread();
    co_await yield();
    tid = thread_id();
    ended = true;
}

Task<> waits_until_gone(pid_t tid) {
    const TimePoint patience = runtime_now() + 20s;
    // Signal 0 only asks.
    while (syscall(SYS_tgkill, getpid(), tid, 0) == 0 && runtime_now() < patience) co_await yield();
    EXPECT_NE(syscall(SYS_tgkill, getpid(), tid, 0), 0) << "the thread lives on";
}

Task<int> leaves_threads_behind() {
    // Holds the first thread, which does not end.
    ThreadLock lock;
    std::set<pid_t> tids;
    for (int i = 0; i < 20; ++i) {
        pid_t tid = 0;
        bool ended = false;
        JoinHandle<> task = spawn(ends_locked(tid, ended));
        co_await task;
        EXPECT_TRUE(ended);
        EXPECT_NE(tid, getpid());
        co_await waits_until_gone(tid);
    }
    EXPECT_LE(runtime::stats().threads, 10) << "ended threads are not counted";
    co_return 0;
}

TEST_F(LockedThreads, EndWithATaskThatEndsLocked) {
    Runtime runtime(eager(2));
    EXPECT_EQ(runtime.run(leaves_threads_behind()), 0);
}

// What a thread destroys at its end may be slow, and may need the scheduler.
struct Ending {
    std::atomic<bool> begun{false};
    std::atomic<bool> may_end{false};
};
struct Lingers {
    Ending* ending = nullptr;
    ~Lingers() {
        if (!ending) return;
        ending->begun = true;
        while (!ending->may_end) {
            (void)Scheduler::current()->who_runs(nullptr);
            std::this_thread::yield();
        }
    }
};
thread_local Lingers lingers;

Task<> ends_slowly(Ending& ending) {
    lock_os_thread();
    lingers.ending = &ending;
    co_await yield();
}

Task<int> needs_threads_meanwhile(Ending& ending) {
    ThreadLock lock;
    JoinHandle<> slow = spawn(ends_slowly(ending));
    co_await slow;
    while (!ending.begun) co_await yield();
    for (int i = 0; i < 3; ++i) {
        pid_t tid = 0;
        bool ended = false;
        JoinHandle<> task = spawn(ends_locked(tid, ended));
        co_await task;
        EXPECT_TRUE(ended);
    }
    ending.may_end = true;
    co_return 0;
}

TEST_F(LockedThreads, AreNotWaitedForWhileTheyEnd) {
    Runtime runtime(eager(2));
    Ending ending;
    EXPECT_EQ(runtime.run(needs_threads_meanwhile(ending)), 0);
}

Task<int> taints_the_first() {
    pid_t tid = 0;
    bool ended = false;
    JoinHandle<> task = spawn(ends_locked(tid, ended));
    co_await task;
    EXPECT_TRUE(ended);
    for (int i = 0; i < 100; ++i) {
        co_await yield();
        EXPECT_NE(thread_id(), tid) << "nobody runs there any more";
    }
    co_return 3;
}

TEST_F(LockedThreads, ThatCannotEndRunNobodyElse) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(taints_the_first()), 3);
}

Task<> locks_twice(int& foreign) {
    lock_os_thread();
    lock_os_thread();
    const pid_t here = thread_id();
    mark = 9;
    unlock_os_thread();
    for (int i = 0; i < 10; ++i) {
        co_await yield();
        EXPECT_EQ(thread_id(), here);
    }
    mark = 0;
    unlock_os_thread();
    unlock_os_thread();  // once too often: nothing
    co_await hops(10, foreign);
}

Task<int> counts_locks() {
    int foreign = 0;
    JoinHandle<> task = spawn(locks_twice(foreign));
    JoinHandle<> other = spawn(hops(50, foreign));
    co_await task;
    co_await other;
    EXPECT_EQ(foreign, 0);
    co_return 0;
}

TEST_F(LockedThreads, AreCountedAndUnlocked) {
    Runtime runtime(eager(2));
    EXPECT_EQ(runtime.run(counts_locks()), 0);
}

Task<> waits_locked(Channel<int>& never, std::atomic<bool>& locked) {
    ThreadLock lock;
    locked = true;
    (void)co_await never.receive();
}

Task<int> dumps_and_ends(bool cancels) {
    Channel<int> never;
    std::atomic<bool> locked{false};
    JoinHandle<> task = spawn(waits_locked(never, locked), {.name = "sticker"});
    while (!locked) co_await yield();
    co_await sleep_for(1ms);
    const std::string text = runtime::stack(true);
    EXPECT_NE(text.find("[chan receive, locked to thread, \"sticker\""), std::string::npos) << text;
    if (cancels) {
        task.cancel();
        try {
            co_await task;  // does not come back when the cancellation does not reach its thread
        } catch (const TaskEnded&) {
        }
        EXPECT_EQ(runtime::num_tasks(), 1U);
    }
    co_return 0;
}

TEST_F(LockedThreads, AreSaidInDumpsAndEndWithTheRuntime) {
    for (int i = 0; i < 20 / kSlowdown + 1; ++i) {
        Runtime runtime(eager(1 + i % 2));
        EXPECT_EQ(runtime.run(dumps_and_ends(false)), 0);
    }
}

TEST_F(LockedThreads, HearACancellation) {
    Runtime runtime(eager(2));
    EXPECT_EQ(runtime.run(dumps_and_ends(true)), 0);
}

Task<int> resizes_around_locked(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    int foreign = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 1; i <= 3; ++i) tasks.push_back(spawn(stays(i, 60 / kSlowdown)));
    for (int i = 0; i < 10; ++i) tasks.push_back(spawn(hops(500 / kSlowdown, foreign)));
    for (int i = 0; i < 300 / kSlowdown; ++i) {
        runtime::max_procs(1 + static_cast<int>(random() % 4));
        co_await yield();
    }
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(foreign, 0);
    co_return 0;
}

TEST_F(LockedThreads, StandAChangeOfProcessors) {
    PF_SEEDED(random);
    Runtime runtime(eager(4));
    EXPECT_EQ(runtime.run(resizes_around_locked(random())), 0);
}

TEST(LockedThreadsDeathTest, AreForTasksAlone) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(lock_os_thread(), "lock_os_thread outside of a task");
}

}  // namespace
}  // namespace pilotfish::core
