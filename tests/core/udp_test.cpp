#include "core/udp.h"

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Udp : public LeakFree {};

UdpSocket bound() {
    Result<UdpSocket> socket = UdpSocket::bind(InetAddress::loopback(0));
    PF_CHECK(socket.ok(), "a port of loopback");
    return std::move(*socket);
}

Task<> echo(UdpSocket& socket, int datagrams) {
    char buffer[2000];
    for (int i = 0; i < datagrams; ++i) {
        const Result<Datagram<InetAddress>> got = co_await socket.receive_from(buffer);
        PF_CHECK(got.ok(), got.error().message);
        const Result<void> sent = co_await socket.send_to({buffer, got->size}, got->from);
        EXPECT_TRUE(sent.ok());
    }
}

Task<int> asks_and_hears() {
    UdpSocket server = bound();
    UdpSocket client = bound();
    const int rounds = 2000 / kSlowdown;
    JoinHandle<> echoing = spawn(echo(server, rounds));
    const InetAddress to = *server.local_address();
    int right = 0;
    for (int i = 0; i < rounds; ++i) {
        const std::string text(static_cast<std::size_t>(i % 1000), 'x');  // an empty one too
        (void)co_await client.send_to(text, to);
        char buffer[2000];
        const Result<Datagram<InetAddress>> got = co_await client.receive_from(buffer);
        right += got && got->size == text.size() && got->from == to && !got->truncated;
    }
    co_await echoing;
    co_return right - rounds;
}

TEST_F(Udp, DatagramsGoThereAndBack) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(asks_and_hears()), 0);
    }
}

Task<int> is_cut() {
    UdpSocket server = bound();
    Result<UdpSocket> client = UdpSocket::connect(*server.local_address());
    (void)co_await client->send("0123456789");
    (void)co_await client->send("ok");
    char buffer[4];
    const Result<Datagram<InetAddress>> cut = co_await server.receive_from(buffer);
    EXPECT_TRUE(cut->truncated);
    EXPECT_EQ(cut->size, 4u);
    EXPECT_EQ(cut->from, *client->local_address());
    const Result<Datagram<InetAddress>> next = co_await server.receive_from(buffer);
    EXPECT_EQ(std::string_view(buffer, next->size), "ok") << "the rest is lost";
    co_return 0;
}

TEST_F(Udp, TooLongForTheBufferIsCutAndSaid) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_cut()), 0);
}

Task<int> is_refused() {
    InetAddress nobody;
    {
        const UdpSocket gone = bound();
        nobody = *gone.local_address();
    }
    Result<UdpSocket> client = UdpSocket::connect(nobody);
    (void)co_await client->send("is anybody there?");
    char buffer[4];
    const Result<Datagram<InetAddress>> got = co_await client->receive_from(buffer);
    EXPECT_EQ(got.error().system_errno, ECONNREFUSED);
    const Result<Datagram<InetAddress>> late =
        co_await client->receive_from(buffer, runtime_now() + 1ms);
    EXPECT_TRUE(late.error().timed_out()) << "the error was for once";
    EXPECT_EQ(late.error().message, "cannot receive a datagram: timed out");
    co_return 0;
}

TEST_F(Udp, RefusalComesBackToAConnectedSocket) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_refused()), 0);
}

Task<int> fails_with_sentences() {
    UdpSocket socket = bound();
    const InetAddress own = *socket.local_address();
    const Result<UdpSocket> second = UdpSocket::bind(own);
    EXPECT_EQ(second.error().message,
              "cannot receive datagrams on " + own.text() + ": address already in use");
    const std::string huge(70000, 'x');
    const Result<void> sent = co_await socket.send_to(huge, own);
    EXPECT_EQ(sent.error().message,
              "cannot send a datagram of 70000 bytes to " + own.text() + ": Message too long");
    socket.close();
    const Result<void> closed = co_await socket.send_to("x", own);
    EXPECT_TRUE(closed.error().closed());
    Result<UdpSocket> one = UdpSocket::bind(InetAddress::loopback(0), true);
    const Result<UdpSocket> two = UdpSocket::bind(*one->local_address(), true);
    EXPECT_TRUE(two.ok());
    co_return 0;
}

TEST_F(Udp, FailuresAreSentences) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(fails_with_sentences()), 0);
}

Task<> receives(UdpSocket& socket, std::string& told) {
    char buffer[4];
    const Result<Datagram<InetAddress>> got = co_await socket.receive_from(buffer);
    told = got ? "got" : got.error().message;
}

Task<int> closes_while_waiting() {
    UdpSocket socket = bound();
    std::string told;
    JoinHandle<> waiting = spawn(receives(socket, told));
    co_await yield();
    socket.close();
    co_await waiting;
    EXPECT_EQ(told, "cannot receive a datagram: it was closed on this side");
    co_return 0;
}

TEST_F(Udp, CloseIsToldToWhoeverWaits) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes_while_waiting()), 0);
}

}  // namespace
}  // namespace pilotfish::core
