#include "core/select.h"

#include <memory>

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class SelectOf : public LeakFree {};

Task<int> ready_cases() {
    Channel<int> a;
    Channel<std::unique_ptr<int>> b(1);
    std::optional<int> got;
    auto value = std::make_unique<int>(5);
    // Nothing there: the default.
    Selected which = co_await select(on_receive(a, got), otherwise());
    EXPECT_EQ(which.index, 1);
    // Only the second can go.
    which = co_await select(on_receive(a, got), on_send(b, value));
    EXPECT_EQ(which.index, 1);
    EXPECT_EQ(which.wake, Wake::ready);
    EXPECT_FALSE(value);
    // Full now: only the first can.
    a.post(7);
    value = std::make_unique<int>(6);
    which = co_await select(on_receive(a, got), on_send(b, value));
    EXPECT_EQ(which.index, 0);
    EXPECT_EQ(got, 7);
    EXPECT_TRUE(value) << "what was not sent stays";
    // Closed ones are ready.
    b.close();
    which = co_await select(on_receive(a, got), on_send(b, value));
    EXPECT_EQ(which.index, 1);
    EXPECT_EQ(which.wake, Wake::closed);
    EXPECT_TRUE(value);
    EXPECT_FALSE(got) << "emptied by the select";
    a.close();
    got = 1;
    which = co_await select(on_receive(a, got));
    EXPECT_EQ(which.wake, Wake::closed);
    EXPECT_FALSE(got);
    co_return 0;
}

TEST_F(SelectOf, ReadyCasesPicksOneOfThem) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(ready_cases()), 0);
}

Task<int> picks_fairly() {
    constexpr int kRounds = 30'000;
    Channel<int> a, b, never, c;
    std::optional<int> got;
    int picked[4] = {};
    for (Channel<int>* channel : {&a, &b, &c}) channel->post(1);
    for (int i = 0; i < kRounds; ++i) {
        const Selected which = co_await select(on_receive(a, got), on_receive(b, got),
                                               on_receive(never, got), on_receive(c, got));
        ++picked[which.index];
        (which.index == 0 ? a : which.index == 1 ? b : c).post(1);
    }
    EXPECT_EQ(picked[2], 0);
    // A third each; the deviation is 82 of 10,000, six of them are too many.
    for (const int index : {0, 1, 3}) EXPECT_NEAR(picked[index], kRounds / 3, 500) << index;
    co_return 0;
}

TEST_F(SelectOf, SeveralReadyCasesIsFair) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(picks_fairly()), 0);
}

struct Outcome {
    Selected which;
    std::optional<int> got;
    int value = 9;
};

Task<> selects(Channel<int>& from, Channel<int>& to, Event& event, std::stop_token token,
               TimePoint deadline, Outcome& out) {
    out.which = co_await select(on_receive(from, out.got), on_send(to, out.value), on_event(event),
                                on_stop(token), at(deadline));
}

enum class End { value, taken, event, stop, time, closed_from, closed_to, cancel };

Task<int> waits_for(End end, ManualClock& clock, Outcome& out) {
    Channel<int> from(0), to(0);
    Event event;
    std::stop_source source;
    JoinHandle<> task = spawn(selects(from, to, event, source.get_token(), clock.now() + 10s, out));
    co_await settle();
    EXPECT_NE(runtime::stack(true).find("[select]"), std::string::npos);
    EXPECT_EQ(from.try_receive().wake, Wake::timed_out);
    switch (end) {
        case End::value: EXPECT_TRUE(from.post(3)); break;
        case End::taken: EXPECT_EQ(*to.try_receive(), 9); break;
        case End::event: event.set(); break;
        case End::stop: std::thread([&] { source.request_stop(); }).join(); break;
        case End::time:
            clock.advance(10s);
            co_await sleep_until(clock.now());
            break;
        case End::closed_from: from.close(); break;
        case End::closed_to: to.close(); break;
        case End::cancel: task.cancel(); break;
    }
    // The first has taken effect: no other may, though the task has not run yet.
    EXPECT_FALSE(from.post(4));
    EXPECT_EQ(to.try_receive().value, std::nullopt);
    co_await task;
    co_return 0;
}

TEST_F(SelectOf, CasesThatAreNotReadyWaitsForTheFirst) {
    constexpr int kIndex[] = {0, 1, 2, 3, 4, 0, 1, -1};
    for (int end = 0; end < 8; ++end) {
        SCOPED_TRACE(end);
        ManualClock clock;
        Runtime runtime({.processors = 1, .clock = &clock});
        Outcome out;
        EXPECT_EQ(runtime.run(waits_for(static_cast<End>(end), clock, out)), 0);
        EXPECT_EQ(out.which.index, kIndex[end]);
        EXPECT_EQ(out.got.value_or(-1), end == 0 ? 3 : -1);
        const bool closed = end == 5 || end == 6;
        EXPECT_EQ(out.which.wake, closed ? Wake::closed : end == 4 ? Wake::timed_out : Wake::ready);
    }
}

Task<> selects_nothing() { (void)co_await select(); }

Task<int> without_cases() {
    JoinHandle<> task = spawn(selects_nothing());
    co_await settle();
    EXPECT_NE(runtime::stack(true).find("[select (no cases)]"), std::string::npos);
    task.cancel();
    co_await task;
    co_return 0;
}

TEST_F(SelectOf, NoCasesWaitsUntilItIsCancelled) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(without_cases()), 0);
}

Task<> selects_both_ways(Channel<int>& channel, std::optional<int>& got, int& value, int& index) {
    const Selected which = co_await select(on_receive(channel, got), on_send(channel, value));
    index = which.index;
}

// The same channel twice, and two selects that serve one another.
Task<int> meets_itself() {
    Channel<int> channel(0);
    std::optional<int> got[2];
    int value[2] = {10, 11};
    int index[2] = {-1, -1};
    JoinHandle<> one = spawn(selects_both_ways(channel, got[0], value[0], index[0]));
    co_await settle();
    EXPECT_EQ(index[0], -1) << "it must not serve itself";
    JoinHandle<> two = spawn(selects_both_ways(channel, got[1], value[1], index[1]));
    co_await one;
    co_await two;
    EXPECT_EQ(index[0] + index[1], 1);
    for (int i : {0, 1}) {
        if (index[i] == 0) {
            EXPECT_EQ(got[i], value[1 - i]);
        }
    }
    co_return 0;
}

TEST_F(SelectOf, OneChannelBothWaysServesAnotherButNotItself) {
    for (int i = 0; i < 20; ++i) {
        Runtime runtime({.processors = 1});
        EXPECT_EQ(runtime.run(meets_itself()), 0);
    }
}

Task<> waits_on_both(Channel<int>& a, Channel<int>& b, Selected& which) {
    std::optional<int> got;
    which = co_await select(on_receive(a, got), on_receive(b, got));
}

Task<int> channel_ends_first() {
    auto a = std::make_unique<Channel<int>>();
    auto b = std::make_unique<Channel<int>>();
    Selected which;
    JoinHandle<> task = spawn(waits_on_both(*a, *b, which));
    co_await settle();
    a.reset();
    b.reset();  // its link is still queued here, its task has been woken and has not run
    co_await task;
    EXPECT_EQ(which.index, 0);
    EXPECT_EQ(which.wake, Wake::closed);
    co_return 0;
}

TEST_F(SelectOf, ChannelsThatEndBeforeItRunsAgain) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(channel_ends_first()), 0);
}

constexpr int kChannels = 3;
constexpr int kValues = 40;  // a task

struct Traffic {
    explicit Traffic(int tasks)
        : sent(static_cast<std::size_t>(tasks * kValues)), received(sent.size()) {}
    Channel<int> channels[kChannels]{Channel<int>(0), Channel<int>(2), Channel<int>(0)};
    std::vector<std::atomic<int>> sent;
    std::vector<std::atomic<int>> received;
    std::stop_source stop;
};

// Each offers its values on any channel and takes what it can get.
Task<> trades(Traffic& traffic, int number, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < kValues; ++i) {
        const int mine = number * kValues + i;
        int value = mine;
        std::optional<int> one;
        std::optional<int> two;
        Channel<int>& first = traffic.channels[random() % kChannels];
        Channel<int>& second = traffic.channels[random() % kChannels];
        Channel<int>& third = traffic.channels[random() % kChannels];
        const std::stop_token token = traffic.stop.get_token();
        const TimePoint patience = *soon(random);
        const Selected which =
            co_await select(on_receive(first, one), on_send(second, value), on_receive(third, two),
                            at(patience), on_stop(token));
        if (one) traffic.received[static_cast<std::size_t>(*one)].fetch_add(1);
        if (two) traffic.received[static_cast<std::size_t>(*two)].fetch_add(1);
        if (which.index == 1) traffic.sent[static_cast<std::size_t>(mine)].fetch_add(1);
        EXPECT_EQ(one.has_value(), which.index == 0);
        EXPECT_EQ(two.has_value(), which.index == 2);
        if (which.index == 4) co_return;
    }
}

Task<int> select_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Traffic traffic(16);
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 16; ++i) tasks.push_back(spawn(trades(traffic, i, random())));
        if (random() % 4 == 0) traffic.stop.request_stop();
        co_await cancel_at_random(tasks, random);
        for (Channel<int>& channel : traffic.channels) {
            while (Received<int> got = channel.try_receive())
                traffic.received[static_cast<std::size_t>(*got)].fetch_add(1);
        }
        for (std::size_t i = 0; i < traffic.sent.size(); ++i)
            EXPECT_EQ(traffic.sent[i].load(), traffic.received[i].load()) << "value " << i;
    }
    co_return 0;
}

TEST_F(SelectOf, ManyTasksOverManyChannelsLosesAndDoublesNothing) { run_storm(select_storm, 60); }

}  // namespace
}  // namespace pilotfish::core
