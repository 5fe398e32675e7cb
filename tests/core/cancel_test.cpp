#include "core/cancel.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/async_fd.h"
#include "core/channel.h"
#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using std::chrono::hours;

class Cancel : public LeakFree {};

// Notes that destructors ran, and in which order.
struct Trace {
    std::string& out;
    char mark;
    ~Trace() { out.push_back(mark); }
};

Task<> inner(std::string& out, Channel<int>& never) {
    Trace trace{out, 'i'};
    (void)co_await never.receive();
    out.push_back('!');
}

Task<> outer(std::string& out, Channel<int>& never) {
    Trace trace{out, 'o'};
    co_await inner(out, never);
    out.push_back('!');
}

Task<int> unwinds_from_the_inside() {
    Channel<int> never;
    std::string out;
    JoinHandle<> task = spawn(outer(out, never));
    co_await yield();
    task.cancel();
    co_await task;
    EXPECT_EQ(out, "io");
    co_return 0;
}

TEST_F(Cancel, UnwindsFromTheInnermostFrame) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(unwinds_from_the_inside()), 0);
}

enum class Where { channel, channel_deadline, sleep, fd, fd_deadline, join, yield };

Task<> waits(Where where, Channel<int>& never, AsyncFd& fd, JoinHandle<>& other, int& passed) {
    const Deadline later = deadline_after(runtime_now(), hours(1));
    switch (where) {
        case Where::channel: (void)co_await never.receive(); break;
        case Where::channel_deadline: (void)co_await never.receive(later); break;
        case Where::sleep: co_await sleep_for(hours(1)); break;
        case Where::fd: (void)co_await fd.readable(); break;
        case Where::fd_deadline: (void)co_await fd.readable(later); break;
        case Where::join: co_await other; break;
        case Where::yield:
            for (;;) co_await yield();
    }
    ++passed;
}

Task<> parks(Channel<int>& never) { (void)co_await never.receive(); }

Task<int> cancels_everywhere(Where where, bool started, int& passed) {
    Channel<int> never;
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    Result<AsyncFd> fd = AsyncFd::adopt(ends[0]);
    JoinHandle<> other = spawn(parks(never));
    JoinHandle<> task = spawn(waits(where, never, *fd, other, passed));
    if (started) co_await yield();
    task.cancel();
    task.cancel();
    co_await task;
    never.close();
    if (other) co_await other;
    ::close(ends[1]);
    co_return 0;
}

TEST_F(Cancel, EndsEveryKindOfWait) {
    for (Where where : {Where::channel, Where::channel_deadline, Where::sleep, Where::fd,
                        Where::fd_deadline, Where::join, Where::yield}) {
        for (bool started : {false, true}) {
            SCOPED_TRACE(static_cast<int>(where) * 2 + started);
            int passed = 0;
            Runtime runtime({.processors = 1});
            EXPECT_EQ(runtime.run(cancels_everywhere(where, started, passed)), 0);
            EXPECT_EQ(passed, 0);
        }
    }
}

Task<> shielded(Channel<int>& channel, std::string& out) {
    try {
        (void)co_await channel.receive();
    } catch (const Cancelled&) {
        out += "cancelled ";
    }
    {
        Shield shield;
        EXPECT_FALSE(cancel_requested());
        Received<int> got = co_await channel.receive();
        out += "shielded " + std::to_string(*got.value) + " ";
    }
    EXPECT_TRUE(cancel_requested());
    co_await yield();
    out += "never";
}

Task<int> shields_cleanup(std::string& out) {
    Channel<int> channel;
    JoinHandle<> task = spawn(shielded(channel, out));
    co_await yield();
    task.cancel();
    co_await yield();
    co_await yield();
    channel.post(7);
    co_await task;
    co_return 0;
}

TEST_F(Cancel, AShieldLetsCleanUpWait) {
    std::string out;
    Runtime runtime({.processors = 1});
    runtime.run(shields_cleanup(out));
    EXPECT_EQ(out, "cancelled shielded 7 ");
}

Task<int> gives_a_number(Channel<int>& never) {
    (void)co_await never.receive();
    co_return 1;
}

Task<int> exits() {
    goexit();
    co_return 1;
}

Task<int> joins_an_ended_task(std::string& error) {
    Channel<int> never;
    JoinHandle<int> task = spawn(gives_a_number(never), {.name = "giver"});
    co_await yield();
    task.cancel();
    try {
        (void)co_await task;
    } catch (const TaskEnded& ended) {
        error = ended.what();
    }
    JoinHandle<int> exiting = spawn(exits());
    EXPECT_THROW((void)co_await exiting, TaskEnded);
    co_return 0;
}

TEST_F(Cancel, AJoinerLearnsThatThereIsNoResult) {
    std::string error;
    Runtime runtime({.processors = 1});
    runtime.run(joins_an_ended_task(error));
    EXPECT_TRUE(error.ends_with("(giver) was cancelled: there is no result")) << error;
}

Task<> leaves_by_goexit(std::string& out) {
    Trace trace{out, 'd'};
    goexit();
    co_return;
}

Task<int> detached_goexit(std::string& out) {
    spawn(leaves_by_goexit(out)).detach();
    co_await yield();
    EXPECT_EQ(runtime::num_tasks(), 1U);
    co_return 0;
}

TEST_F(Cancel, GoexitRunsDestructorsAndEndsADetachedTaskQuietly) {
    std::string out;
    Runtime runtime({.processors = 1});
    runtime.run(detached_goexit(out));
    EXPECT_EQ(out, "d");
}

Task<> cancelled_by_token(std::stop_token token, bool& passed) {
    CancelOn link(token);
    co_await sleep_for(hours(1));
    passed = true;
}

Task<int> stop_token_cancels(bool before, bool& passed) {
    std::stop_source source;
    if (before) source.request_stop();
    JoinHandle<> task = spawn(cancelled_by_token(source.get_token(), passed));
    co_await yield();
    if (!before) std::thread([&] { source.request_stop(); }).join();
    co_await task;
    co_return 0;
}

TEST_F(Cancel, AStopTokenCancelsTheTaskThatTiedItself) {
    for (bool before : {false, true}) {
        bool passed = false;
        Runtime runtime({.processors = 1});
        runtime.run(stop_token_cancels(before, passed));
        EXPECT_FALSE(passed);
    }
}

// Every way to wake a wait at once: whoever claims it, it ends exactly once and nothing leaks.
Task<> receives(Channel<int>& channel, Duration patience, std::atomic<int>& got,
                std::atomic<int>& ended) {
    try {
        for (;;) {
            const Deadline deadline = deadline_after(runtime_now(), patience);
            const Received<int> received = co_await channel.receive(deadline);
            if (received) got.fetch_add(1);
            if (received.wake == Wake::closed) break;
        }
    } catch (const Cancelled&) {
    }
    ended.fetch_add(1);
}

Task<int> cancel_storm(std::mt19937_64& random, unsigned processors, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Channel<int> channel;
        std::atomic<int> got{0};
        std::atomic<int> ended{0};
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 16; ++i) {
            const Duration patience(random() % 50'000);
            tasks.push_back(spawn(receives(channel, patience, got, ended)));
        }
        int sent = 0;
        for (int i = 0; i < 64; ++i) {
            switch (random() % 8) {
                case 0:
                case 1: tasks[random() % 16].cancel(); break;
                case 2: co_await yield(); break;
                case 3: runtime::max_procs(1 + static_cast<int>(random() % processors)); break;
                default: sent += channel.post(i);
            }
        }
        std::thread outside([&] {
            for (JoinHandle<>& task : tasks) task.cancel();
        });
        for (int i = 0; i < 16; ++i) sent += channel.post(i);
        outside.join();
        for (JoinHandle<>& task : tasks) co_await task;
        EXPECT_EQ(ended.load(), 16);
        EXPECT_EQ(got.load() + static_cast<int>(channel.size()), sent);
    }
    co_return 0;
}

TEST_F(Cancel, RacesWithEventsDeadlinesAndResizingAndLosesNothing) {
    PF_SEEDED(random);
    for (unsigned processors : {1U, 2U, 8U, 64U}) {
        Runtime runtime(eager(static_cast<int>(processors)));
        runtime.run(cancel_storm(random, processors, 200 / kSlowdown));
    }
}

}  // namespace
}  // namespace pilotfish::core
