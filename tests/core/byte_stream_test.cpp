#include "core/byte_stream.h"

#include "tests/core/tcp_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Stream : public LeakFree {};

Task<int> deadline_passes(ManualClock& clock) {
    Ends ends = co_await connected();
    const TimePoint deadline = runtime_now() + 1s;
    JoinHandle<std::string> reader = spawn(reads(ends.client, deadline));
    co_await yield();
    EXPECT_FALSE(reader.finished());
    clock.advance(999ms);
    co_await yield();
    EXPECT_FALSE(reader.finished());
    clock.advance(1ms);
    const std::string late = co_await reader;
    EXPECT_EQ(late, "cannot read from " + ends.client.peer_address().text() + ": timed out");
    (void)co_await ends.server.write_all("later");
    const std::string text = co_await reads(ends.client);
    EXPECT_EQ(text, "later") << "a deadline takes nothing away";
    char buffer[8];
    const Result<std::size_t> got = co_await ends.client.read_some(buffer, runtime_now());
    EXPECT_TRUE(got.error().timed_out());
    EXPECT_FALSE(got.error().closed());
    co_return 0;
}

TEST_F(Stream, DeadlineEndsAReadWithAnErrorOfItsOwnKind) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(deadline_passes(clock)), 0);
}

Task<int> fills_the_buffer(ManualClock& clock) {
    Ends ends = co_await connected();
    const std::string block(1 << 16, 'x');
    std::size_t written = 0;
    Error error;
    for (;;) {
        const Result<std::size_t> some = co_await ends.client.write_some(block, runtime_now());
        if (!some) {
            error = some.error();
            break;
        }
        written += *some;
        clock.advance(1us);
    }
    EXPECT_TRUE(error.timed_out()) << error.message;
    ends.client.close();
    const std::string text = co_await read_all(ends.server);
    EXPECT_EQ(text.size(), written);
    co_return 0;
}

TEST_F(Stream, FullSendBufferEndsAtItsDeadlineAndLosesNothing) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(fills_the_buffer(clock)), 0);
}

Task<> writes_and_closes(TcpStream& stream, const std::string& text) {
    const Result<void> sent = co_await stream.write_all(text);
    EXPECT_TRUE(sent.ok());
    stream.close();
}

Task<int> moves_much() {
    Ends ends = co_await connected();
    std::string text(8 << 20, '\0');
    for (std::size_t i = 0; i < text.size(); ++i)
        text[i] = static_cast<char>(i * 2654435761u >> 13);
    JoinHandle<> writer = spawn(writes_and_closes(ends.client, text));
    const std::string got = co_await read_all(ends.server);
    co_await writer;
    EXPECT_TRUE(got == text);
    co_return 0;
}

TEST_F(Stream, WriteAllWaitsForRoomAndKeepsTheOrder) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(moves_much()), 0);
    }
}

Task<std::size_t> reads_exactly(TcpStream& stream, std::size_t bytes) {
    std::string text(bytes, '\0');
    const Result<std::size_t> got = co_await stream.read_exactly(text);
    co_return got ? *got : 0;
}

Task<int> reads_pieces() {
    Ends ends = co_await connected();
    JoinHandle<std::size_t> reader = spawn(reads_exactly(ends.server, 1000));
    for (int i = 0; i < 9; ++i) {
        (void)co_await ends.client.write_all(std::string(100, 'x'));
        co_await sleep_for(100us);
    }
    EXPECT_FALSE(reader.finished());
    (void)co_await ends.client.write_all(std::string(100, 'x'));
    const std::size_t got = co_await reader;
    EXPECT_EQ(got, 1000u);
    (void)co_await ends.client.write_all("rest");
    ends.client.close();
    const std::size_t rest = co_await reads_exactly(ends.server, 1000);
    EXPECT_EQ(rest, 4u) << "the end came before";
    co_return 0;
}

TEST_F(Stream, ReadExactlyGathersPieces) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(reads_pieces()), 0);
}

// What a read that was skipped could miss: everything that is told together with data.
Task<int> data_and_the_end() {
    for (int round = 0; round < 50; ++round) {
        Ends ends = co_await connected();
        (void)co_await ends.client.write_all("last words");
        ends.client.close();
        if (round % 2 == 0) co_await let_peers_run();  // one edge tells of both
        const std::string text = co_await read_all(ends.server);
        EXPECT_EQ(text, "last words");
    }
    co_return 0;
}

TEST_F(Stream, ShortReadDoesNotHideTheEndBehindIt) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(data_and_the_end()), 0);
}

Task<int> data_and_a_reset() {
    Ends ends = co_await connected();
    char byte;
    (void)co_await ends.client.write_all("x");
    const Result<std::size_t> first = co_await ends.server.read_some({&byte, 1});
    EXPECT_EQ(*first, 1u);
    (void)co_await ends.client.write_all("words");
    co_await let_peers_run();
    const std::string words = co_await reads(ends.server);
    EXPECT_EQ(words, "words");
    ends.client.reset();
    const std::string text = co_await reads(ends.server);
    EXPECT_NE(text.find("reset"), std::string::npos) << text;
    co_return 0;
}

TEST_F(Stream, ShortReadDoesNotHideAResetBehindIt) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(data_and_a_reset()), 0);
}

// A read stops at urgent data; what follows it has been told of already.
Task<int> urgent_data() {
    for (int round = 0; round < 20; ++round) {
        Ends ends = co_await connected();
        if (round % 2 == 0) {
            JoinHandle<std::string> early =
                spawn(reads(ends.server));  // waits, so that the edge is used
            co_await yield();
            (void)co_await ends.client.write_all("first");
            const std::string first = co_await early;
            EXPECT_EQ(first, "first");
        }
        PF_CHECK(::send(ends.client.descriptor(), "before!", 7, MSG_OOB) == 7, "send");
        (void)co_await ends.client.write_all("after");
        if (round % 4 < 2) co_await let_peers_run();
        EXPECT_TRUE(ends.client.shutdown_write().ok());
        std::string text = co_await read_all(ends.server);
        EXPECT_EQ(text, "beforeafter");
    }
    co_return 0;
}

TEST_F(Stream, ShortReadDoesNotHideWhatFollowsUrgentData) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(urgent_data()), 0);
}

Task<int> urgent_data_without_an_end() {
    Ends ends = co_await connected();
    PF_CHECK(::send(ends.client.descriptor(), "before!", 7, MSG_OOB) == 7, "send");
    (void)co_await ends.client.write_all("after");
    co_await let_peers_run();
    std::string text = co_await reads(ends.server);
    EXPECT_EQ(text, "before");
    text = co_await reads(ends.server);
    EXPECT_EQ(text, "after") << "and not a wait for ever";
    co_return 0;
}

TEST_F(Stream, WhatFollowsUrgentDataIsReadWithoutANewEdge) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(urgent_data_without_an_end()), 0);
}

Task<> answers(TcpStream stream, int requests) {
    char buffer[256];
    for (int i = 0; i < requests; ++i) {
        const Result<std::size_t> got = co_await stream.read_some(buffer);
        EXPECT_TRUE(got && *got > 0);
        const Result<void> sent = co_await stream.write_all({buffer, *got});
        EXPECT_TRUE(sent.ok());
    }
}

// The read that is saved is only worth something if its edge never fails to come: many short
// messages, at random moments, over two threads.
Task<int> ping_pong(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Ends ends = co_await connected();
    const int rounds = 20000 / kSlowdown;
    JoinHandle<> server = spawn(answers(std::move(ends.server), rounds));
    char buffer[256];
    for (int i = 0; i < rounds; ++i) {
        const std::string text(1 + random() % 200, 'x');
        const Result<void> sent = co_await ends.client.write_all(text);
        EXPECT_TRUE(sent.ok());
        if (random() % 4 == 0) co_await yield();
        std::span<char> into(buffer, text.size());
        const Result<std::size_t> got = co_await ends.client.read_exactly(into);
        EXPECT_EQ(*got, text.size());
    }
    co_await server;
    co_return 0;
}

TEST_F(Stream, NoMessageIsMissedByReadsThatDidNotAsk) {
    PF_SEEDED(random);
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(ping_pong(random())), 0);
    }
}

Task<> counts(std::uint64_t& steps, const bool& stop) {
    while (!stop) {
        ++steps;
        co_await yield();
    }
}

Task<int> is_always_ready() {
    Ends ends = co_await connected();
    (void)co_await ends.client.write_all(std::string(20000, 'x'));
    co_await let_peers_run();
    bool stop = false;
    std::uint64_t steps = 0;
    JoinHandle<> other = spawn(counts(steps, stop));
    char byte;
    for (int i = 0; i < 20000; ++i) (void)co_await ends.server.read_some({&byte, 1});
    const std::uint64_t during = steps;
    stop = true;
    co_await other;
    EXPECT_GE(during, 20000u / (kOperationBudget + 1));
    co_return 0;
}

TEST_F(Stream, SocketThatIsAlwaysReadyLetsOthersRun) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(is_always_ready()), 0);
}

Task<int> closes_while_another_waits() {
    Ends ends = co_await connected();
    JoinHandle<std::string> reader = spawn(reads(ends.client));
    co_await yield();
    ends.client.close();
    const std::string told = co_await reader;
    EXPECT_EQ(told, "cannot read from " + ends.client.peer_address().text() +
                        ": it was closed on this side");
    const std::string after = co_await reads(ends.client);
    EXPECT_EQ(after, told);
    const Result<void> sent = co_await ends.client.write_all("x");
    EXPECT_TRUE(sent.error().closed());
    co_return 0;
}

TEST_F(Stream, CloseIsToldToWhoeverWaits) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes_while_another_waits()), 0);
}

Task<int> shuts_down_while_another_waits() {
    Ends ends = co_await connected();
    JoinHandle<std::string> reader = spawn(read_all(ends.client));
    co_await sleep_for(1ms);
    ends.client.shutdown();
    const std::string text = co_await reader;
    EXPECT_EQ(text, "");
    co_return 0;
}

TEST_F(Stream, ShutdownEndsTheWaitOfAnotherTaskInAnyThread) {
    for (const int processors : {1, 2}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(shuts_down_while_another_waits()), 0);
    }
}

}  // namespace
}  // namespace pilotfish::core
