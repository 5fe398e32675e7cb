#include "core/tcp.h"

#include <netinet/tcp.h>

#include <vector>

#include "tests/core/tcp_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Tcp : public LeakFree {};

Task<int> says_and_hears() {
    Ends ends = co_await connected();
    EXPECT_EQ(ends.server.peer_address(), *ends.client.local_address());
    EXPECT_EQ(ends.client.peer_address(), *ends.server.local_address());
    const Result<void> sent = co_await ends.client.write_all("hello");
    EXPECT_TRUE(sent.ok());
    char buffer[5];
    const Result<std::size_t> got = co_await ends.server.read_exactly(buffer);
    EXPECT_EQ(*got, 5u);
    EXPECT_EQ(std::string_view(buffer, 5), "hello");
    co_return 0;
}

TEST_F(Tcp, SaysAndHears) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(says_and_hears()), 0);
}

Task<int> half_closes() {
    Ends ends = co_await connected();
    (void)co_await ends.client.write_all("question");
    EXPECT_TRUE(ends.client.shutdown_write().ok());
    std::string asked = co_await read_all(ends.server);
    EXPECT_EQ(asked, "question");
    (void)co_await ends.server.write_all("answer");
    ends.server.close();
    std::string answered = co_await read_all(ends.client);
    EXPECT_EQ(answered, "answer");
    char more[8];
    const Result<std::size_t> end = co_await ends.client.read_some(more);
    EXPECT_EQ(*end, 0u) << "the end is told again";
    const Result<std::size_t> exact = co_await ends.client.read_exactly(more);
    EXPECT_EQ(*exact, 0u);
    co_return 0;
}

TEST_F(Tcp, HalfCloseEndsOneDirection) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(half_closes()), 0);
}

Task<int> is_refused() {
    InetAddress nobody;
    {
        const TcpListener listener = listen_somewhere();
        nobody = listener.local_address();
    }
    const Result<TcpStream> stream = co_await TcpStream::connect(nobody);
    EXPECT_FALSE(stream.ok());
    EXPECT_EQ(stream.error().system_errno, ECONNREFUSED);
    EXPECT_EQ(stream.error().message,
              "cannot connect to " + nobody.text() + ": Connection refused");
    co_return 0;
}

TEST_F(Tcp, RefusedConnectionIsASentence) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_refused()), 0);
}

Task<int> is_reset() {
    Ends ends = co_await connected();
    ends.server.reset();
    char buffer[8];
    const Result<std::size_t> got = co_await ends.client.read_some(buffer);
    EXPECT_FALSE(got.ok());
    EXPECT_EQ(got.error().system_errno, ECONNRESET);
    EXPECT_EQ(got.error().message, "cannot read from " + ends.client.peer_address().text() +
                                       ": Connection reset by peer");
    const Result<void> sent = co_await ends.client.write_all("x");  // and no SIGPIPE
    EXPECT_EQ(sent.error().system_errno, EPIPE);
    co_return 0;
}

TEST_F(Tcp, ResetByThePeerIsAnError) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_reset()), 0);
}

Task<Error> connects(InetAddress address, Deadline deadline) {
    const Result<TcpStream> stream = co_await TcpStream::connect(address, deadline);
    co_return stream ? Error{"connected"} : stream.error();
}

// A listener whose queue is full drops the SYN: the connection neither stands nor fails.
Task<int> connect_times_out(ManualClock& clock) {
    TcpListener listener = listen_somewhere({.backlog = 0});
    std::vector<TcpStream> held;
    const TimePoint deadline = runtime_now() + 1s;
    for (int i = 0; i < 20; ++i) {
        JoinHandle<Error> one = spawn(connects(listener.local_address(), deadline));
        for (int j = 0; j < 200 && !one.finished(); ++j) co_await yield();
        if (one.finished()) {
            // Stays in the queue: the kernel keeps a connection whose client has gone.
            (void)co_await one;
            continue;
        }
        clock.advance(1s);
        const Error error = co_await one;
        EXPECT_TRUE(error.timed_out());
        EXPECT_EQ(error.message,
                  "cannot connect to " + listener.local_address().text() + ": timed out");
        co_return 0;
    }
    co_return 1;
}

TEST_F(Tcp, ConnectEndsAtItsDeadline) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(connect_times_out(clock)), 0);
}

int option_of(int fd, int level, int option) {
    int value = -1;
    socklen_t size = sizeof value;
    getsockopt(fd, level, option, &value, &size);
    return value;
}

Task<int> options() {
    Ends ends = co_await connected();
    EXPECT_NE(option_of(ends.client.descriptor(), IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(option_of(ends.server.descriptor(), IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_TRUE(ends.server.no_delay(false).ok());
    EXPECT_EQ(option_of(ends.server.descriptor(), IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_TRUE(ends.client.keep_alive(60s, 10s, 3).ok());
    EXPECT_EQ(option_of(ends.client.descriptor(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option_of(ends.client.descriptor(), IPPROTO_TCP, TCP_KEEPIDLE), 60);
    EXPECT_EQ(option_of(ends.client.descriptor(), IPPROTO_TCP, TCP_KEEPINTVL), 10);
    EXPECT_EQ(option_of(ends.client.descriptor(), IPPROTO_TCP, TCP_KEEPCNT), 3);
    const Result<void> bad = ends.client.keep_alive(0s, 1s, 1);
    EXPECT_EQ(bad.error().system_errno, EINVAL);

    TcpListener first = listen_somewhere({.reuse_port = true});
    const Result<TcpListener> second =
        TcpListener::bind(first.local_address(), {.reuse_port = true});
    EXPECT_TRUE(second.ok());
    const Result<TcpListener> third = TcpListener::bind(first.local_address());
    EXPECT_EQ(third.error().message,
              "cannot listen on " + first.local_address().text() + ": address already in use");
    co_return 0;
}

TEST_F(Tcp, OptionsReachTheSocket) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(options()), 0);
}

Task<int> over_ipv6() {
    Result<TcpListener> listener = TcpListener::bind(InetAddress::any_v6(0));
    if (!listener) co_return 77;
    const std::uint16_t port = listener->local_address().port();
    Result<TcpStream> four = co_await TcpStream::connect(InetAddress::loopback(port));
    EXPECT_TRUE(four.ok()) << "[::] means IPv4 too";
    Result<TcpStream> accepted = co_await listener->accept();
    EXPECT_TRUE(accepted->peer_address().text().starts_with("[::ffff:127.0.0.1]:"));
    Result<TcpStream> six = co_await TcpStream::connect(InetAddress::loopback_v6(port));
    EXPECT_TRUE(six.ok() || six.error().system_errno == EADDRNOTAVAIL);
    Result<TcpListener> only = TcpListener::bind(InetAddress::any_v6(0), {.v6_only = true});
    const InetAddress v4 = InetAddress::loopback(only->local_address().port());
    const Result<TcpStream> refused = co_await TcpStream::connect(v4);
    EXPECT_EQ(refused.error().system_errno, ECONNREFUSED);
    co_return 0;
}

TEST_F(Tcp, Ipv6TakesIpv4TooUnlessToldOtherwise) {
    Runtime runtime({.processors = 1});
    const int code = runtime.run(over_ipv6());
    if (code == 77) GTEST_SKIP() << "no IPv6 here";
    EXPECT_EQ(code, 0);
}

Task<int> adopts() {
    TcpListener listener = listen_somewhere();
    Result<TcpListener> copy = TcpListener::adopt(::dup(listener.descriptor()));
    EXPECT_EQ(copy->local_address(), listener.local_address());
    const InetAddress address = listener.local_address();
    const int plain = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    PF_CHECK(::connect(plain, address.data(), address.size()) == 0, "connect");
    Result<TcpStream> client = TcpStream::adopt(plain);
    Result<TcpStream> server = co_await copy->accept();
    (void)co_await client->write_all("adopted");
    const std::string text = co_await reads(*server);
    EXPECT_EQ(text, "adopted");
    const Result<TcpStream> none = TcpStream::adopt(::dup(listener.descriptor()));
    EXPECT_EQ(none.error().system_errno, ENOTCONN);
    co_return 0;
}

TEST_F(Tcp, SocketsOfOthersCanBeTakenOver) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(adopts()), 0);
}

Task<> waits_for_a_connection(TcpListener listener) { (void)co_await listener.accept(); }
Task<> waits_for_data(TcpStream stream) { (void)co_await reads(stream); }
Task<> waits_for_room(TcpStream stream) {
    (void)co_await stream.write_all(std::string(64 << 20, 'x'));
}

Task<int> leaves_waiters(Ends& kept) {
    Ends ends = co_await connected();
    spawn(waits_for_a_connection(listen_somewhere())).detach();
    kept = co_await connected();
    spawn(waits_for_data(std::move(ends.client))).detach();
    spawn(waits_for_room(std::move(ends.server))).detach();
    co_await let_peers_run();
    co_return 0;
}

TEST_F(Tcp, WaitersAreDestroyedWithTheRuntime) {
    Ends kept;
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(leaves_waiters(kept)), 0);
}

}  // namespace
}  // namespace pilotfish::core
