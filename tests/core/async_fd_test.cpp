#include "core/async_fd.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class AsyncFdOf : public LeakFree {};

struct Pipe {
    AsyncFd read_end;
    int write_fd = -1;
    Pipe() {
        int ends[2];
        PF_CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe2");
        Result<AsyncFd> adopted = AsyncFd::adopt(ends[0]);
        read_end = std::move(adopted).value();
        write_fd = ends[1];
    }
    ~Pipe() {
        if (write_fd >= 0) ::close(write_fd);
    }
    void put(const std::string& text) const {
        PF_CHECK(write(write_fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()),
                 "write");
    }
};

Task<std::string> read_until_end(AsyncFd& fd) {
    std::string text;
    for (;;) {
        char buffer[64];
        const ssize_t got = read(fd.get(), buffer, sizeof buffer);
        if (got == 0) co_return text;
        if (got > 0) {
            text.append(buffer, static_cast<std::size_t>(got));
            continue;
        }
        EXPECT_EQ(errno, EAGAIN);
        const Wake wake = co_await fd.readable();
        if (wake != Wake::ready) co_return text + "!";
    }
}

Task<int> pipes() {
    Pipe pipe;
    JoinHandle<std::string> reader = spawn(read_until_end(pipe.read_end));
    for (int i = 0; i < 100; ++i) {
        pipe.put("x");
        co_await yield();
        if (i % 10 == 0) co_await sleep_for(100us);
    }
    ::close(std::exchange(pipe.write_fd, -1));
    const std::string text = co_await reader;
    co_return static_cast<int>(text.size());
}

TEST_F(AsyncFdOf, PipeDeliversAllAndTheEnd) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(pipes()), 100);
}

Task<int> edge_before_await() {
    Pipe pipe;
    char byte = 0;
    EXPECT_EQ(read(pipe.read_end.get(), &byte, 1), -1);
    pipe.put("x");            // between EAGAIN and the await
    co_await sleep_for(1ms);  // long enough for the edge to be delivered
    const Wake wake = co_await pipe.read_end.readable();
    EXPECT_EQ(wake, Wake::ready);
    EXPECT_EQ(read(pipe.read_end.get(), &byte, 1), 1);
    co_return 0;
}

TEST_F(AsyncFdOf, PipeRemembersAnEdgeThatCameBeforeTheAwait) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(edge_before_await()), 0);
}

Task<int> deadline_passes() {
    Pipe pipe;
    const TimePoint deadline = runtime_now() + 2ms;
    const Wake first = co_await pipe.read_end.readable(deadline);
    EXPECT_EQ(first, Wake::timed_out);
    pipe.put("x");
    const TimePoint later = runtime_now() + 10s;
    const Wake second = co_await pipe.read_end.readable(later);
    EXPECT_EQ(second, Wake::ready);
    co_return 0;
}

TEST_F(AsyncFdOf, PipeTellsATimeoutAndStaysUsable) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(deadline_passes()), 0);
}

TEST(PollerEdge, IsRememberedWhenTheDeadlineWasFasterThanTheEvent) {
    Poller poller;
    int ends[2];
    ASSERT_EQ(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
    Result<PollEntry*> entry = poller.adopt(ends[0]);
    ASSERT_TRUE(entry.ok());
    Waiter waiter;  // timed out and queued, has not run yet
    waiter.claim(Wake::timed_out);
    (*entry)->reader = &waiter;
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    ASSERT_TRUE(poller.own());
    TaskList ready;
    poller.wait(0, ready);
    EXPECT_EQ(ready.size, 0U);
    EXPECT_EQ((*entry)->reader, nullptr);
    EXPECT_TRUE((*entry)->readable);
    poller.retire(*entry);
    ::close(ends[0]);
    ::close(ends[1]);
}

Task<int> closes_while_waiting() {
    Pipe pipe;
    JoinHandle<std::string> reader = spawn(read_until_end(pipe.read_end));
    co_await sleep_for(1ms);
    pipe.read_end.close();
    const std::string text = co_await reader;
    co_return text == "!" ? 0 : 1;
}

TEST_F(AsyncFdOf, PipeCloseWakesItsReader) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes_while_waiting()), 0);
}

Task<int> reuses_descriptors() {
    for (int i = 0; i < 200; ++i) {
        Pipe first;
        first.put("old");  // its edge is on the way when the descriptor goes
        first.read_end.close();
        Pipe second;  // most likely the same number and the same entry
        char byte = 0;
        EXPECT_EQ(read(second.read_end.get(), &byte, 1), -1);
        const TimePoint deadline = runtime_now() + 100us;
        Wake wake = co_await second.read_end.readable(deadline);
        EXPECT_EQ(wake, Wake::timed_out) << "an edge of the old descriptor reached the new one";
    }
    co_return 0;
}

TEST_F(AsyncFdOf, PipeIsNotToldTheEdgesOfItsPredecessor) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(reuses_descriptors()), 0);
}

// epoll calls a socket without a peer hung up; it is not so for ever.
Task<int> adopts_before_connecting() {
    Result<AsyncFd> socket = AsyncFd::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const Wake told = co_await socket->readable();
    EXPECT_EQ(told, Wake::ready);
    const TimePoint deadline = runtime_now() + 1ms;
    const Wake again = co_await socket->readable(deadline);
    EXPECT_EQ(again, Wake::timed_out) << "whoever tries again after this would spin";
    co_return 0;
}

TEST_F(AsyncFdOf, SocketIsToldOfAHangUpOnce) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(adopts_before_connecting()), 0);
}

Task<> fills(AsyncFd& fd, std::size_t bytes) {
    const std::string block(8192, 'x');
    while (bytes > 0) {
        const ssize_t sent = write(fd.get(), block.data(), std::min(bytes, block.size()));
        if (sent > 0) {
            bytes -= static_cast<std::size_t>(sent);
            continue;
        }
        EXPECT_EQ(errno, EAGAIN);
        (void)co_await fd.writable();
    }
    fd.close();
}

Task<int> socket_pair() {
    int ends[2];
    PF_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) == 0, "socketpair");
    Result<AsyncFd> left = AsyncFd::adopt(ends[0]);
    Result<AsyncFd> right = AsyncFd::adopt(ends[1]);
    constexpr std::size_t kBytes = 4 << 20;
    JoinHandle<> writer = spawn(fills(*left, kBytes));
    const std::string text = co_await read_until_end(*right);
    co_await writer;
    co_return text.size() == kBytes ? 0 : 1;
}

TEST_F(AsyncFdOf, SocketWaitsForRoomAndForData) {
    for (int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(socket_pair()), 0);
    }
}

Task<int> waits_for_a_child() {
    const pid_t child = fork();
    if (child == 0) _exit(7);
    const int fd = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
    Result<AsyncFd> pidfd = AsyncFd::adopt(fd);
    for (;;) {
        siginfo_t info{};
        if (waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG) == 0 &&
            info.si_pid == child)
            co_return info.si_status;
        const Wake wake = co_await pidfd->readable();
        EXPECT_EQ(wake, Wake::ready);
    }
}

TEST_F(AsyncFdOf, PidfdBecomesReadableWhenTheChildEnds) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(waits_for_a_child()), 7);
}

Task<int> adopts_without_descriptors() {
    int ends[2];
    PF_CHECK(pipe2(ends, O_NONBLOCK | O_CLOEXEC) == 0, "pipe2");
    rlimit before{};
    PF_CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0, "getrlimit");
    const int lowest_free = dup(ends[0]);
    ::close(lowest_free);
    rlimit none = before;
    none.rlim_cur = static_cast<rlim_t>(lowest_free);
    PF_CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0, "setrlimit");
    Result<AsyncFd> refused = AsyncFd::adopt(ends[0]);  // the first use: no epoll instance yet
    PF_CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0, "setrlimit");
    EXPECT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().message,
              "cannot watch descriptor " + std::to_string(ends[0]) +
                  ": out of file descriptors; raise RLIMIT_NOFILE");
    Result<AsyncFd> adopted = AsyncFd::adopt(ends[1]);
    EXPECT_TRUE(adopted.ok()) << "the refusal was for that moment";
    co_return 0;
}

TEST_F(AsyncFdOf, PipeIsRefusedWithTheMendWhenDescriptorsRunOut) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(adopts_without_descriptors()), 0);
}

Task<int> adopts_a_regular_file() {
    const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    Result<AsyncFd> adopted = AsyncFd::adopt(fd);
    EXPECT_FALSE(adopted.ok());
    EXPECT_TRUE(adopted.error().message.starts_with("cannot watch descriptor"));
    co_return 0;
}

TEST_F(AsyncFdOf, RegularFileIsRefusedWithASentence) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(adopts_a_regular_file()), 0);
}

Task<> waits_for_ever(AsyncFd& fd) { (void)co_await fd.readable(); }
Task<> owns_and_waits() {
    Pipe pipe;
    const TimePoint deadline = runtime_now() + 1h;
    (void)co_await pipe.read_end.readable(deadline);
}

Task<int> leaves_waiters(Pipe& outer) {
    spawn(waits_for_ever(outer.read_end)).detach();
    spawn(owns_and_waits()).detach();
    co_await yield();
    co_return 0;
}

Task<int> fills_slot(AsyncFd& slot) {
    Pipe pipe;
    slot = std::move(pipe.read_end);
    co_return 0;
}

TEST_F(AsyncFdOf, PipeMayOutliveTheRuntime) {
    AsyncFd slot;
    {
        Runtime runtime({.processors = 1});
        EXPECT_EQ(runtime.run(fills_slot(slot)), 0);
    }
    EXPECT_GE(slot.get(), 0);
    slot.close();
    EXPECT_EQ(slot.get(), -1);
}

TEST_F(AsyncFdOf, PipeMayStillBeAwaitedWhenTheRuntimeEnds) {
    Runtime runtime({.processors = 1});
    Pipe outer;
    EXPECT_EQ(runtime.run(leaves_waiters(outer)), 0);
}

}  // namespace
}  // namespace pilotfish::core
