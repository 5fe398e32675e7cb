#include "core/io.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "core/cancel.h"
#include "core/sleep.h"
#include "core/tcp.h"
#include "tests/core/runtime_fixture.h"
#include "tests/core/tcp_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Io : public LeakFree {};

// Would block for as many attempts as are told, whatever the edges say.
struct Reluctant {
    static constexpr Direction kDirection = Direction::read;
    AsyncFd* fd;
    std::int64_t deadline_ns;
    int* refusals;
    int* attempts;
    int refuse_with = EAGAIN;

    AsyncFd& descriptor() noexcept { return *fd; }
    bool may_be_ready() const noexcept { return true; }
    IoOutcome attempt() noexcept {
        ++*attempts;
        if (--*refusals >= 0) return {0, refuse_with};
        return {*attempts, 0};
    }
    Result<std::int64_t> result(const IoOutcome& outcome) {
        if (outcome.failure != 0) return io_error("do it", outcome);
        return outcome.count;
    }
    IoAwait<Reluctant> awaiter(const std::source_location& where) const noexcept {
        return IoAwait<Reluctant>(*this, where);
    }
};

AsyncFd some_event() {
    Result<AsyncFd> event = AsyncFd::adopt(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    PF_CHECK(event.ok(), "an eventfd");
    return std::move(*event);
}

void edge(const AsyncFd& event) {
    const std::uint64_t one = 1;
    PF_CHECK(write(event.get(), &one, sizeof one) == sizeof one, "write");
}

Task<Result<std::int64_t>> does(AsyncFd& fd, int refusals, int& attempts, int refuse_with) {
    Reluctant operation{&fd, kNoDeadline_ns, &refusals, &attempts, refuse_with};
    Result<std::int64_t> done = co_await operation;
    co_return done;
}

Task<int> tries_first() {
    AsyncFd event = some_event();
    int attempts = 0;
    const Result<std::int64_t> at_once = co_await does(event, 0, attempts, EAGAIN);
    EXPECT_EQ(*at_once, 1);
    attempts = 0;
    JoinHandle<Result<std::int64_t>> waiting = spawn(does(event, 3, attempts, EAGAIN));
    co_await yield();
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(attempts, i) << "no attempt without an edge";
        EXPECT_FALSE(waiting.finished());
        edge(event);
        while (attempts == i) co_await sleep_for(10us);
    }
    const Result<std::int64_t> done = co_await waiting;
    EXPECT_EQ(*done, 4);
    attempts = 0;
    const Result<std::int64_t> gave_way = co_await does(event, 5, attempts, kIoGiveWay);
    EXPECT_EQ(*gave_way, 6) << "giving way needs no edge";
    attempts = 0;
    const Result<std::int64_t> failed = co_await does(event, 1, attempts, EIO);
    EXPECT_EQ(failed.error().message, "cannot do it: Input/output error");
    EXPECT_EQ(attempts, 1);
    co_return 0;
}

TEST_F(Io, TriesFirstAndAgainAtEachEdge) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(tries_first()), 0);
}

TEST(IoError, HasAKindAndTheMend) {
    EXPECT_TRUE(io_error("do it", IoOutcome{0, kIoTimedOut}).timed_out());
    EXPECT_TRUE(io_error("do it", IoOutcome{0, kIoClosed}).closed());
    const Error plain = io_error("do it", IoOutcome{0, ETIMEDOUT});
    EXPECT_FALSE(plain.timed_out()) << "the network's time, not the caller's";
    EXPECT_TRUE(io_error("do it", IoOutcome{0, kIoTimedOut}).within("cannot live").timed_out());
    EXPECT_EQ(io_error("do it", EMFILE).message,
              "cannot do it: out of file descriptors; raise RLIMIT_NOFILE");
}

Task<> reads_for_ever(TcpStream stream, std::string& trace) {
    char buffer[16];
    for (;;) {
        const Result<std::size_t> got = co_await stream.read_some(buffer);
        if (!got || *got == 0) break;
        trace.append(buffer, *got);
    }
    trace += "!";
}

Task<> writes_for_ever(TcpStream stream) {
    const std::string text(1 << 20, 'x');
    for (;;) {
        const Result<void> sent = co_await stream.write_all(text);
        if (!sent) co_return;
    }
}

Task<> accepts_for_ever() {
    TcpListener listener = listen_somewhere();
    for (;;) {
        const Result<TcpStream> stream = co_await listener.accept();
        if (!stream) co_return;
    }
}

Task<> reads_what_is_always_there(TcpStream& stream, int& count) {
    char byte = 0;
    for (;;) {
        const Result<std::size_t> got = co_await stream.read_some({&byte, 1});
        if (!got || *got == 0) co_return;
        ++count;
    }
}

Task<int> is_cancelled() {
    Ends ends = co_await connected();
    Ends busy = co_await connected();
    std::string trace;
    std::vector<JoinHandle<>> tasks;
    tasks.push_back(spawn(reads_for_ever(std::move(ends.server), trace)));
    tasks.push_back(spawn(writes_for_ever(std::move(busy.server))));
    tasks.push_back(spawn(accepts_for_ever()));
    (void)co_await ends.client.write_all("seen");
    co_await let_peers_run();
    for (JoinHandle<>& task : tasks) task.cancel();
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(trace, "seen");
    char buffer[16];
    const Result<std::size_t> end = co_await ends.client.read_some(buffer);
    EXPECT_EQ(*end, 0u) << "its stream was closed on the way";
    co_return 0;
}

TEST_F(Io, CancelledOperationsLeaveNothingBehind) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(is_cancelled()), 0);
    }
}

Task<int> stream_survives() {
    Ends ends = co_await connected();
    int count = 0;
    JoinHandle<> reading = spawn(reads_what_is_always_there(ends.server, count));
    const std::string text(5000, 'x');
    (void)co_await ends.client.write_all(text);
    co_await let_peers_run();
    reading.cancel();
    (void)co_await ends.client.write_all(text);
    co_await reading;
    ends.client.close();
    const std::string rest = co_await read_all(ends.server);
    EXPECT_EQ(static_cast<std::size_t>(count) + rest.size(), 2 * text.size())
        << "cancelled between two bytes, none is lost";
    co_return 0;
}

TEST_F(Io, StreamIsUsableAfterACancelledRead) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(stream_survives()), 0);
    }
}

Task<> connects_to(InetAddress address) { (void)co_await TcpStream::connect(address); }

Task<int> connect_is_cancelled() {
    TcpListener listener = listen_somewhere({.backlog = 0});
    std::vector<JoinHandle<>> connecting;
    for (int i = 0; i < 10; ++i) connecting.push_back(spawn(connects_to(listener.local_address())));
    co_await let_peers_run();
    for (JoinHandle<>& one : connecting) one.cancel();
    for (JoinHandle<>& one : connecting) co_await one;
    co_return 0;
}

TEST_F(Io, CancelledConnectClosesItsSocket) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(connect_is_cancelled()), 0);
}

}  // namespace
}  // namespace pilotfish::core
