#include "daemon/spawner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <stdexcept>
#include <vector>

#include "core/locked_thread.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "daemon/process_table.h"

using pilotfish::core::Runtime;
using pilotfish::core::RuntimeOptions;
using pilotfish::core::Task;
using pilotfish::daemon::ProcessEnd;
using pilotfish::daemon::ProcessListener;
using pilotfish::daemon::ProcessTable;
using pilotfish::daemon::Spawner;
using pilotfish::daemon::SpawnRequest;
using pilotfish::daemon::SpawnResult;

namespace {

struct Nobody final : ProcessListener {
    void process_ended(const ProcessEnd&) override {}
    void process_stopped(pid_t) override {}
};

Task<void> note_thread(Spawner& spawner, std::vector<pid_t>& threads) {
    for (int i = 0; i < 50; ++i) {
        std::function<void()> note = [&threads] { threads.push_back(gettid()); };
        co_await spawner.run_on(std::move(note));
    }
}

// Its thread ends with it.
Task<void> start_and_take_the_thread_along(ProcessTable& table, const SpawnRequest& request,
                                           Nobody& listener, SpawnResult& result, pid_t& thread) {
    pilotfish::core::lock_os_thread();
    thread = gettid();
    result = co_await table.start(request, listener, 0);
}

bool is_there(pid_t thread) {
    return access(("/proc/self/task/" + std::to_string(thread)).c_str(), F_OK) == 0;
}

}  // namespace

TEST(Spawner, RunsEverythingOnOneThreadWhoeverAsks) {
    std::vector<pid_t> threads;
    Spawner spawner;
    Runtime runtime(RuntimeOptions{.processors = 4});
    const auto main = [&]() -> Task<int> {
        auto one = pilotfish::core::spawn(note_thread(spawner, threads));
        auto two = pilotfish::core::spawn(note_thread(spawner, threads));
        auto three = pilotfish::core::spawn(note_thread(spawner, threads));
        co_await one;
        co_await two;
        co_await three;
        co_return 0;
    };
    runtime.run(main());
    EXPECT_EQ(threads.size(), 150U);
    EXPECT_EQ(std::set<pid_t>(threads.begin(), threads.end()).size(), 1U);
}

TEST(Spawner, TheFirstJobNeedsNoOtherThread) {
    pid_t thread = 0;
    Spawner spawner;
    Runtime runtime(RuntimeOptions{.processors = 4, .watch = pilotfish::core::Watch::settled});
    const auto main = [&]() -> Task<int> {
        std::function<void()> note = [&thread] { thread = gettid(); };
        co_await spawner.run_on(std::move(note));
        co_return 0;
    };
    runtime.run(main());
    EXPECT_EQ(thread, gettid());
}

TEST(Spawner, AnExceptionIsTheCallers) {
    Spawner spawner;
    Runtime runtime;
    std::string heard;
    bool served_after = false;
    const auto main = [&]() -> Task<int> {
        try {
            std::function<void()> fails = [] { throw std::runtime_error("no more"); };
            co_await spawner.run_on(std::move(fails));
        } catch (const std::runtime_error& error) {
            heard = error.what();
        }
        std::function<void()> next = [&served_after] { served_after = true; };
        co_await spawner.run_on(std::move(next));
        co_return 0;
    };
    runtime.run(main());
    EXPECT_EQ(heard, "no more");
    EXPECT_TRUE(served_after);
}

// The child asks to be killed when its parent ends; the kernel takes a thread for the parent.
TEST(Spawner, AChildOutlivesTheThreadThatAskedForIt) {
    int to_child[2];
    int from_child[2];
    ASSERT_EQ(pipe2(to_child, O_CLOEXEC), 0);
    ASSERT_EQ(pipe2(from_child, O_CLOEXEC), 0);
    SpawnRequest request;
    request.command = {"setpriv", "--pdeathsig", "KILL", "cat"};
    request.environment = {"PATH=/usr/bin:/bin"};
    request.stdin_fd = to_child[0];
    request.stdout_fd = from_child[1];
    ProcessTable table;
    Nobody listener;
    SpawnResult result;
    pid_t asking = 0;
    char answer[2] = {};
    Runtime runtime(RuntimeOptions{.processors = 2});
    const auto main = [&]() -> Task<int> {
        // Not on the first thread, which a task that ends leaves as it is: the spawner has that.
        std::function<void()> nothing = [] {};
        co_await table.spawner().run_on(std::move(nothing));
        co_await pilotfish::core::spawn(
            start_and_take_the_thread_along(table, request, listener, result, asking));
        EXPECT_NE(asking, getpid());
        for (int i = 0; i < 20'000 && is_there(asking); ++i)
            co_await pilotfish::core::sleep_for(std::chrono::milliseconds(1));
        EXPECT_FALSE(is_there(asking));
        EXPECT_EQ(write(to_child[1], "x", 1), 1);
        EXPECT_EQ(read(from_child[0], answer, 1), 1);
        co_return 0;
    };
    runtime.run(main());
    EXPECT_STREQ(answer, "x");
    for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) close(fd);
    ASSERT_TRUE(result.process) << result.error.error.message;
    kill(result.process->pid, SIGKILL);
    int status = 0;
    EXPECT_EQ(waitpid(result.process->pid, &status, 0), result.process->pid);
    close(result.process->pidfd);
}
