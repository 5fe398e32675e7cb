// Waiting on channels: senders and receivers of bounded ones and of rendezvous, their deadlines and
// cancellations, and that nothing is lost or doubled by them.
#include "core/channel_await.h"

#include <memory>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class ChannelWait : public LeakFree {};

Task<> sends_three(Channel<int>& channel, std::string& out) {
    for (int i = 1; i <= 3; ++i) {
        const Sent<int> sent = co_await channel.send(i);
        EXPECT_TRUE(sent);
        out += "sent" + std::to_string(i) + " ";
    }
    channel.close();
}

Task<int> waits_while_full(std::size_t capacity, const std::string& before) {
    Channel<int> channel(capacity);
    std::string out;
    JoinHandle<> sender = spawn(sends_three(channel, out));
    co_await settle();
    EXPECT_EQ(out, before);
    EXPECT_EQ(channel.size(), std::min<std::size_t>(capacity, 3));
    if (capacity < 3) {
        EXPECT_NE(runtime::stack(true).find("[chan send]"), std::string::npos);
        EXPECT_FALSE(channel.post(9));
    }
    for (int i = 1; i <= 3; ++i) {
        const Received<int> got = co_await channel.receive();
        EXPECT_EQ(got.value, i);
    }
    const Received<int> none = co_await channel.receive();
    EXPECT_FALSE(none);
    co_await sender;
    EXPECT_EQ(out, "sent1 sent2 sent3 ");
    co_return 0;
}

TEST_F(ChannelWait, ASenderWaitsForAReceiverOfARendezvous) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(waits_while_full(0, "")), 0);
}

TEST_F(ChannelWait, ASenderWaitsForTheThirdPlaceOfTwo) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(waits_while_full(2, "sent1 sent2 ")), 0);
}

TEST_F(ChannelWait, ASenderNeverWaitsForAnUnboundedOne) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(waits_while_full(Channel<int>::kUnbounded, "sent1 sent2 sent3 ")), 0);
}

Task<> keeps_what_is_not_taken(Channel<std::unique_ptr<int>>& channel, Deadline deadline,
                               Wake expected) {
    auto value = std::make_unique<int>(5);
    const Sent<std::unique_ptr<int>> sent = co_await channel.send(std::move(value), deadline);
    EXPECT_EQ(sent.wake, expected);
    EXPECT_FALSE(sent);
    EXPECT_TRUE(sent.unsent && *sent.unsent && **sent.unsent == 5);
}

Task<int> gives_back(ManualClock& clock) {
    Channel<std::unique_ptr<int>> channel(0);
    JoinHandle<> late = spawn(keeps_what_is_not_taken(channel, clock.now() + 1s, Wake::timed_out));
    JoinHandle<> parked = spawn(keeps_what_is_not_taken(channel, {}, Wake::closed));
    co_await settle();
    clock.advance(1s);
    co_await late;
    Sent<std::unique_ptr<int>> full = channel.try_send(std::make_unique<int>(6));
    EXPECT_EQ(full.wake, Wake::timed_out);
    EXPECT_EQ(**full.unsent, 6);
    channel.close();
    co_await parked;
    co_await keeps_what_is_not_taken(channel, {}, Wake::closed);
    EXPECT_EQ(channel.try_receive().wake, Wake::closed);
    co_return 0;
}

TEST_F(ChannelWait, WhatIsNotTakenIsGivenBack) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(gives_back(clock)), 0);
}

Task<> sends_one(Channel<int>& channel, int value) {
    const Sent<int> sent = co_await channel.send(value);
    EXPECT_TRUE(sent);
}

Task<int> serves_senders_in_order() {
    Channel<int> channel(1);
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < 5; ++i) {
        tasks.push_back(spawn(sends_one(channel, i)));
        co_await settle();
    }
    tasks[2].cancel();
    co_await tasks[2];
    for (const int expected : {0, 1, 3, 4}) EXPECT_EQ(channel.try_receive().value, expected);
    EXPECT_EQ(channel.try_receive().wake, Wake::timed_out);
    for (const std::size_t i : {0U, 1U, 3U, 4U}) co_await tasks[i];
    co_return 0;
}

TEST_F(ChannelWait, SendersAreServedInOrderAndACancelledOneTakesItsValueAlong) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(serves_senders_in_order()), 0);
}

Task<> receives_then_waits(Channel<int>& channel, int& got) {
    const Received<int> received = co_await channel.receive();
    got = *received;
    co_await yield();
    ADD_FAILURE() << "was cancelled";
}

Task<int> handed_over_then_cancelled() {
    Channel<int> channel(0);
    int got = 0;
    JoinHandle<> task = spawn(receives_then_waits(channel, got));
    co_await settle();
    EXPECT_TRUE(channel.post(8));
    task.cancel();
    co_await task;
    EXPECT_EQ(got, 8);
    co_return 0;
}

TEST_F(ChannelWait, AValueHandedToATaskThatIsThenCancelledIsDelivered) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(handed_over_then_cancelled()), 0);
}

Task<int> sender_outlives(ManualClock& clock, bool by_deadline) {
    auto channel = std::make_unique<Channel<std::unique_ptr<int>>>(0);
    const Deadline deadline = by_deadline ? Deadline(clock.now() + 1s) : Deadline();
    JoinHandle<> sender = spawn(
        keeps_what_is_not_taken(*channel, deadline, by_deadline ? Wake::timed_out : Wake::closed));
    co_await settle();
    clock.advance(1s);
    if (by_deadline) co_await sleep_until(clock.now() - 1s);  // fires it, before it can run
    channel.reset();
    co_await sender;
    co_return 0;
}

TEST_F(ChannelWait, AChannelMayEndBeforeItsSenderRunsAgain) {
    for (const bool by_deadline : {false, true}) {
        ManualClock clock;
        Runtime runtime({.processors = 1, .clock = &clock});
        EXPECT_EQ(runtime.run(sender_outlives(clock, by_deadline)), 0);
    }
}

constexpr int kValues = 30;  // of each sender

struct Ledger {
    explicit Ledger(int senders, std::size_t capacity)
        : channel(capacity), sent(static_cast<std::size_t>(senders * kValues)), got(sent.size()) {}
    Channel<int> channel;
    std::vector<std::atomic<int>> sent;
    std::vector<std::atomic<int>> got;
};

Task<> sends_at_random(Ledger& ledger, int number, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < kValues; ++i) {
        const int value = number * kValues + i;
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        const Sent<int> sent = co_await ledger.channel.send(value, deadline);
        if (sent) ledger.sent[static_cast<std::size_t>(value)].fetch_add(1);
        EXPECT_EQ(sent.unsent.value_or(value), value);
        EXPECT_EQ(sent.unsent.has_value(), !sent);
        if (sent.wake == Wake::closed) co_return;
    }
}

Task<> receives_at_random(Ledger& ledger, std::uint64_t seed) {
    Random random(seed);
    for (;;) {
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        const Received<int> got = co_await ledger.channel.receive(deadline);
        if (got) ledger.got[static_cast<std::size_t>(*got)].fetch_add(1);
        if (got.wake == Wake::closed) co_return;
        if (got.wake == Wake::timed_out) co_await yield();
    }
}

Task<int> channel_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        constexpr std::size_t kCapacities[] = {0, 1, 5, Channel<int>::kUnbounded};
        Ledger ledger(12, kCapacities[random() % 4]);
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 12; ++i) {
            tasks.push_back(spawn(sends_at_random(ledger, i, random())));
            tasks.push_back(spawn(receives_at_random(ledger, random())));
        }
        if (random() % 4 == 0) ledger.channel.close();
        co_await cancel_at_random(tasks, random);
        while (Received<int> got = ledger.channel.try_receive())
            ledger.got[static_cast<std::size_t>(*got)].fetch_add(1);
        for (std::size_t i = 0; i < ledger.sent.size(); ++i)
            EXPECT_EQ(ledger.sent[i].load(), ledger.got[i].load()) << "value " << i;
    }
    co_return 0;
}

TEST_F(ChannelWait, NothingIsLostOrDoubledUnderCancellationsAndDeadlines) {
    run_storm(channel_storm, 100);
}

// An outside thread posts while, and after, the runtime ends.
TEST_F(ChannelWait, AnOutsideThreadMayPostWhileTheRuntimeEnds) {
    struct Body {
        static Task<> receives(Channel<int>& from) {
            while (Received<int> got = co_await from.receive()) continue;
        }
        static Task<int> leaves(Channel<int>& from) {
            for (int i = 0; i < 3; ++i) spawn(receives(from)).detach();
            co_await settle();
            co_return 0;
        }
    };
    for (int round = 0; round < 300 / kSlowdown; ++round) {
        Channel<int> channel;
        std::atomic<bool> over{false};
        std::thread outside([&] {
            while (!over.load()) channel.post(1);
            channel.post(2);
        });
        {
            Runtime runtime(eager(1 + round % 2));
            EXPECT_EQ(runtime.run(Body::leaves(channel)), 0);
        }
        over.store(true);
        outside.join();
    }
}

}  // namespace
}  // namespace pilotfish::core
