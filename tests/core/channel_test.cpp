#include "core/channel.h"

#include <memory>
#include <thread>
#include <vector>

#include "core/sleep.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class ChannelOf : public LeakFree {};

Task<int> takes_all(Channel<int>& channel) {
    int sum = 0;
    while (Received<int> got = co_await channel.receive()) sum += *got.value;
    co_return sum;
}

Task<int> sends_before_anyone_receives() {
    Channel<int> channel;
    for (int i = 1; i <= 100; ++i) EXPECT_TRUE(channel.post(i));
    channel.close();
    EXPECT_FALSE(channel.post(101));
    co_return co_await takes_all(channel);
}

TEST_F(ChannelOf, IntDeliversWhatWasSentBeforeItWasClosed) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sends_before_anyone_receives()), 5050);
}

Task<int> keeps_order() {
    Channel<int> channel;
    for (int i = 0; i < 1000; ++i) channel.post(i);
    for (int i = 0; i < 1000; ++i) {
        Received<int> got = co_await channel.receive();
        if (got.value != i) co_return 1;
    }
    co_return 0;
}

TEST_F(ChannelOf, IntKeepsTheOrder) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(keeps_order()), 0);
}

Task<> one_receiver(Channel<std::unique_ptr<int>>& channel, int number, int& last) {
    Received<std::unique_ptr<int>> got = co_await channel.receive();
    EXPECT_EQ(last + 1, number) << "receivers are served in order";
    EXPECT_EQ(**got.value, number);
    last = number;
}

Task<int> serves_in_order() {
    Channel<std::unique_ptr<int>> channel;
    int last = 0;
    JoinHandle<> first = spawn(one_receiver(channel, 1, last));
    JoinHandle<> second = spawn(one_receiver(channel, 2, last));
    co_await yield();
    channel.post(std::make_unique<int>(1));
    co_await first;
    channel.post(std::make_unique<int>(2));
    co_await second;
    co_return last;
}

TEST_F(ChannelOf, MoveOnlyServesReceiversInOrder) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(serves_in_order()), 2);
}

Task<int> times_out(ManualClock& clock) {
    Channel<int> channel;
    struct Body {
        static Task<int> waits(Channel<int>& from) {
            const TimePoint deadline = runtime_now() + 10s;
            Received<int> got = co_await from.receive(deadline);
            EXPECT_FALSE(got.value);
            EXPECT_EQ(got.wake, Wake::timed_out);
            got = co_await from.receive(runtime_now() + 10s);
            co_return got.value.value_or(-1);
        }
    };
    JoinHandle<int> waiter = spawn(Body::waits(channel));
    co_await yield();
    clock.advance(10s);
    co_await sleep_until(clock.now());
    co_await yield();
    channel.post(7);
    co_return co_await waiter;
}

TEST_F(ChannelOf, IntTellsATimeoutFromAValueAndStaysUsable) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(times_out(clock)), 7);
}

// The deadline has passed and the receiver is queued behind the task that ends the channel.
Task<int> outlived_by_a_receiver(ManualClock& clock, bool closes_first, bool receiver_runs) {
    struct Body {
        static Task<int> waits(Channel<int>& from, TimePoint deadline) {
            Received<int> got = co_await from.receive(deadline);
            EXPECT_EQ(got.wake, Wake::timed_out);
            co_return 5;
        }
    };
    auto channel = std::make_unique<Channel<int>>();
    JoinHandle<int> receiver = spawn(Body::waits(*channel, runtime_now() + 10s));
    co_await yield();
    clock.advance(10s);
    co_await sleep_until(clock.now() - 1s);  // due before the receiver, fired with it
    EXPECT_FALSE(receiver.finished());
    if (closes_first) channel->close();
    channel.reset();
    if (!receiver_runs) co_return 5;
    co_return co_await receiver;
}

TEST_F(ChannelOf, IntMayEndBeforeAReceiverWhoseDeadlineHasPassedRuns) {
    for (const bool closes_first : {false, true}) {
        for (const bool receiver_runs : {false, true}) {
            ManualClock clock;
            Runtime runtime({.processors = 1, .clock = &clock});
            EXPECT_EQ(runtime.run(outlived_by_a_receiver(clock, closes_first, receiver_runs)), 5);
        }
    }
}

// Deadlines, sends and the channel's end meet on several processors.
Task<> times_out_soon(Channel<int>& from, std::atomic<int>& started) {
    const TimePoint deadline = runtime_now() + 50us;
    started.fetch_add(1);
    (void)co_await from.receive(deadline);
}

Task<int> ends_channels_under_deadlines(int rounds) {
    for (int round = 0; round < rounds; ++round) {
        auto channel = std::make_unique<Channel<int>>();
        std::atomic<int> started{0};
        std::vector<JoinHandle<>> receivers;
        for (int i = 0; i < 8; ++i) receivers.push_back(spawn(times_out_soon(*channel, started)));
        while (started.load() < 8) co_await yield();
        co_await sleep_for(30us + std::chrono::microseconds(round % 40));
        if (round % 2 == 0) channel->post(1);
        // Every receiver is parked or has left: a last one may be between the count and its park.
        while (runtime::stats(runtime::Detail::with_states)
                   .tasks_by_state[static_cast<std::size_t>(TaskState::running)] > 1)
            co_await yield();
        channel.reset();
        for (JoinHandle<>& receiver : receivers) co_await receiver;
    }
    co_return 0;
}

TEST_F(ChannelOf, IntEndsWhileDeadlinesOfItsReceiversPass) {
    for (const int processors : {1, 4}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(ends_channels_under_deadlines(1000 / kSlowdown)), 0);
    }
}

Task<int> closes_while_waiting() {
    Channel<int> channel;
    JoinHandle<int> a = spawn(takes_all(channel));
    JoinHandle<int> b = spawn(takes_all(channel));
    co_await yield();
    channel.close();
    const int sum_a = co_await a;
    const int sum_b = co_await b;
    co_return sum_a + sum_b;
}

TEST_F(ChannelOf, IntCloseWakesEveryReceiver) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(closes_while_waiting()), 0);
}

Task<> greedy(Channel<int>& channel, bool& done) {
    for (int i = 0; i < 100'000; ++i) (void)co_await channel.receive();
    done = true;
}
Task<> modest(bool& other_done, bool& ran_meanwhile) {
    ran_meanwhile = !other_done;
    co_return;
}

Task<int> shares() {
    Channel<int> channel;
    for (int i = 0; i < 100'000; ++i) channel.post(i);
    bool done = false;
    bool meanwhile = false;
    JoinHandle<> first = spawn(greedy(channel, done));
    JoinHandle<> second = spawn(modest(done, meanwhile));
    co_await first;
    co_await second;
    co_return meanwhile ? 0 : 1;
}

TEST_F(ChannelOf, IntThatIsAlwaysReadyDoesNotStarveOtherTasks) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(shares()), 0);
}

// Wakes are lost between "nothing there" and "asleep": an outside thread hits that gap again and
// again.
Task<int> answers(Channel<int>& in, std::atomic<int>& seen) {
    while (Received<int> got = co_await in.receive()) seen.store(*got.value);
    co_return seen.load();
}

class OutsideSender : public LeakFree, public testing::WithParamInterface<int> {};

TEST_P(OutsideSender, NeverWaitsForALostWake) {
    const int rounds = 20'000 / kSlowdown;
    Runtime runtime(eager(GetParam()));
    Channel<int> in;
    std::atomic<int> seen{0};
    std::thread sender([&] {
        for (int i = 1; i <= rounds; ++i) {
            in.post(i);
            while (seen.load() != i) std::this_thread::yield();
            // A pause of another length each round, so that the machine is met in each phase of
            // falling asleep.
            for (int pause = i % 512; pause > 0; --pause) cpu_relax();
        }
        in.close();
    });
    EXPECT_EQ(runtime.run(answers(in, seen)), rounds);
    sender.join();
}

INSTANTIATE_TEST_SUITE_P(Processors, OutsideSender, testing::Values(1, 2, 8));

}  // namespace
}  // namespace pilotfish::core
