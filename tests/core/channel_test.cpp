#include "core/channel.h"

#include <memory>
#include <thread>

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
    for (int i = 1; i <= 100; ++i) EXPECT_TRUE(channel.send(i));
    channel.close();
    EXPECT_FALSE(channel.send(101));
    co_return co_await takes_all(channel);
}

TEST_F(ChannelOf, IntDeliversWhatWasSentBeforeItWasClosed) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sends_before_anyone_receives()), 5050);
}

Task<int> keeps_order() {
    Channel<int> channel;
    for (int i = 0; i < 1000; ++i) channel.send(i);
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
    channel.send(std::make_unique<int>(1));
    co_await first;
    channel.send(std::make_unique<int>(2));
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
    channel.send(7);
    co_return co_await waiter;
}

TEST_F(ChannelOf, IntTellsATimeoutFromAValueAndStaysUsable) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(times_out(clock)), 7);
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
    for (int i = 0; i < 100'000; ++i) channel.send(i);
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
            in.send(i);
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
