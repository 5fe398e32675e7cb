#include "core/unix_datagram.h"

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class UnixDatagramOf : public LeakFree {};

UnixAddress some_name(std::string_view what) {
    return *UnixAddress::abstract("pilotfish-test-" + std::to_string(getpid()) + "-" +
                                  std::string(what));
}

Task<int> sends_and_answers() {
    const UnixAddress server_name = some_name("server");
    const UnixAddress client_name = some_name("client");
    Result<UnixDatagram> server = UnixDatagram::bind(server_name);
    Result<UnixDatagram> client = UnixDatagram::bind(client_name);
    EXPECT_TRUE(client->connect_to(server_name).ok());
    (void)co_await client->send("question");
    (void)co_await client->send("");
    char buffer[64];
    Result<Datagram<UnixAddress>> got = co_await server->receive_from(buffer);
    EXPECT_EQ(std::string_view(buffer, got->size), "question");
    EXPECT_EQ(got->from, client_name);
    const Result<Datagram<UnixAddress>> empty = co_await server->receive_from(buffer);
    EXPECT_EQ(empty->size, 0u);
    const Result<void> sent = co_await server->send_to("answer", got->from);
    EXPECT_TRUE(sent.ok());
    got = co_await client->receive_from(buffer);
    EXPECT_EQ(std::string_view(buffer, got->size), "answer");
    const Result<UnixDatagram> second = UnixDatagram::bind(server_name);
    EXPECT_EQ(second.error().message,
              "cannot receive datagrams on " + server_name.text() + ": address already in use");
    const Result<UnixDatagram> nobody = UnixDatagram::connect(some_name("nobody"));
    EXPECT_EQ(nobody.error().system_errno, ECONNREFUSED);
    co_return 0;
}

TEST_F(UnixDatagramOf, DatagramsAreAnswered) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sends_and_answers()), 0);
}

Task<> sends_many(UnixDatagram& socket, int count) {
    for (int i = 0; i < count; ++i) {
        const std::string text = std::to_string(i);
        const Result<void> sent = co_await socket.send(text);
        EXPECT_TRUE(sent.ok()) << sent.error().message;
    }
}

Task<> sends_many_to(UnixDatagram& socket, UnixAddress to, int count) {
    for (int i = 0; i < count; ++i) {
        const std::string text = std::to_string(i);
        const Result<void> sent = co_await socket.send_to(text, to);
        EXPECT_TRUE(sent.ok()) << sent.error().message;
    }
}

Task<int> receives_many(UnixDatagram& socket, int count) {
    int in_order = 0;
    for (int i = 0; i < count; ++i) {
        char buffer[64];
        const Result<Datagram<UnixAddress>> got = co_await socket.receive_from(buffer);
        in_order += got && std::string_view(buffer, got->size) == std::to_string(i);
    }
    co_return in_order;
}

Task<int> full_receiver() {
    constexpr int kCount = 2000;  // net.unix.max_dgram_qlen is 10 to 512
    Result<std::pair<UnixDatagram, UnixDatagram>> pair = UnixDatagram::pair();
    JoinHandle<> sender = spawn(sends_many(pair->first, kCount));
    int in_order = co_await receives_many(pair->second, kCount);
    co_await sender;
    EXPECT_EQ(in_order, kCount);

    const UnixAddress name = some_name("full");
    Result<UnixDatagram> server = UnixDatagram::bind(name);
    Result<UnixDatagram> client = UnixDatagram::connect(name);
    sender = spawn(sends_many(*client, kCount));
    in_order = co_await receives_many(*server, kCount);
    co_await sender;
    EXPECT_EQ(in_order, kCount);

    Result<UnixDatagram> loose = UnixDatagram::bind(some_name("loose"));
    sender = spawn(sends_many_to(*loose, name, kCount));
    in_order = co_await receives_many(*server, kCount);
    co_await sender;
    EXPECT_EQ(in_order, kCount);
    co_return 0;
}

TEST_F(UnixDatagramOf, FullReceiverHoldsItsSendersUp) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(full_receiver()), 0);
    }
}

Task<int> deadline_passes(ManualClock& clock) {
    const UnixAddress name = some_name("late");
    Result<UnixDatagram> server = UnixDatagram::bind(name);
    Result<UnixDatagram> client = UnixDatagram::bind(some_name("client"));
    for (;;) {
        const Result<void> sent = co_await client->send_to("x", name, clock.now());
        if (sent) continue;
        EXPECT_TRUE(sent.error().timed_out());
        EXPECT_EQ(sent.error().message,
                  "cannot send a datagram of 1 bytes to " + name.text() + ": timed out");
        break;
    }
    EXPECT_TRUE(client->connect_to(name).ok());
    const Result<void> late = co_await client->send("x", clock.now());
    EXPECT_TRUE(late.error().timed_out());
    co_return 0;
}

TEST_F(UnixDatagramOf, DeadlineEndsAWaitForRoom) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(deadline_passes(clock)), 0);
}

}  // namespace
}  // namespace pilotfish::core
