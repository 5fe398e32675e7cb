#include "core/listener.h"

#include <sys/resource.h>

#include <vector>

#include "tests/core/tcp_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class ListenerOf : public LeakFree {};

Task<> serve_echo(TcpListener& listener, int connections) {
    for (int i = 0; i < connections; ++i) {
        Result<TcpStream> stream = co_await listener.accept();
        PF_CHECK(stream.ok(), stream.error().message);
        spawn(echo(std::move(*stream)), {.name = "echo"}).detach();
    }
}

Task<int> asks(InetAddress address, int requests) {
    Result<TcpStream> stream = co_await TcpStream::connect(address);
    PF_CHECK(stream.ok(), stream.error().message);
    int right = 0;
    for (int i = 0; i < requests; ++i) {
        const std::string text = "request " + std::to_string(i);
        (void)co_await stream->write_all(text);
        std::string answer(text.size(), '\0');
        const Result<std::size_t> got = co_await stream->read_exactly(answer);
        right += got && answer == text;
    }
    co_return right;
}

Task<int> many_connections() {
    constexpr int kConnections = 400;
    TcpListener listener = listen_somewhere();
    JoinHandle<> server = spawn(serve_echo(listener, kConnections));
    std::vector<JoinHandle<int>> clients;
    for (int i = 0; i < kConnections; ++i)
        clients.push_back(spawn(asks(listener.local_address(), 10)));
    int right = 0;
    for (JoinHandle<int>& client : clients) right += co_await client;
    co_await server;
    co_return right - kConnections * 10;
}

TEST_F(ListenerOf, ManyConnectionsAtOnce) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(many_connections()), 0);
    }
}

Task<std::string> accepts(TcpListener& listener, Deadline deadline = {}) {
    const Result<TcpStream> stream = co_await listener.accept(deadline);
    co_return stream ? "a connection" : stream.error().message;
}

Task<int> listener_shuts_down() {
    TcpListener listener = listen_somewhere();
    const std::string prefix =
        "cannot accept a connection on " + listener.local_address().text() + ": ";
    const std::string late = co_await accepts(listener, runtime_now());
    EXPECT_EQ(late, prefix + "timed out");
    JoinHandle<std::string> acceptor = spawn(accepts(listener));
    co_await sleep_for(1ms);
    listener.shutdown();
    const std::string told = co_await acceptor;
    EXPECT_EQ(told, prefix + "it was closed on this side");
    const Result<TcpStream> after = co_await listener.accept();
    EXPECT_TRUE(after.error().closed());
    co_return 0;
}

TEST_F(ListenerOf, ListenerShutdownEndsTheAcceptOfAnotherTask) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(listener_shuts_down()), 0);
    }
}

struct LowLimit {
    rlimit before{};
    LowLimit() {
        getrlimit(RLIMIT_NOFILE, &before);
        const int lowest_free = ::dup(0);
        ::close(lowest_free);
        rlimit now = before;
        now.rlim_cur = static_cast<rlim_t>(lowest_free);
        setrlimit(RLIMIT_NOFILE, &now);
    }
    ~LowLimit() { setrlimit(RLIMIT_NOFILE, &before); }
};

Task<int> descriptors_run_out(ManualClock& clock) {
    TcpListener listener = listen_somewhere();
    Result<TcpStream> client = co_await TcpStream::connect(listener.local_address());
    JoinHandle<std::string> retry;
    {
        const LowLimit low;
        const std::string refused = co_await accepts(listener);
        EXPECT_NE(refused.find("out of file descriptors; raise RLIMIT_NOFILE"), std::string::npos)
            << refused;
        const Result<TcpStream> out = co_await TcpStream::connect(listener.local_address());
        EXPECT_EQ(out.error().system_errno, EMFILE);
        retry = spawn(accepts(listener));
        for (int i = 0; i < 100; ++i) co_await yield();
        EXPECT_FALSE(retry.finished()) << "a loop around accept would spin";
        clock.advance(5ms);
        const std::string again = co_await retry;
        EXPECT_NE(again.find("RLIMIT_NOFILE"), std::string::npos);
    }
    retry = spawn(accepts(listener));
    co_await yield();
    clock.advance(9ms);
    for (int i = 0; i < 100; ++i) co_await yield();
    EXPECT_FALSE(retry.finished()) << "the pause doubles";
    clock.advance(1ms);
    const std::string accepted = co_await retry;
    EXPECT_EQ(accepted, "a connection") << "which waited in the kernel";
    co_return 0;
}

TEST_F(ListenerOf, ShortageOfDescriptorsIsAnErrorAndNoSpin) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(descriptors_run_out(clock)), 0);
}

}  // namespace
}  // namespace pilotfish::core
