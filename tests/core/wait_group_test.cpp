#include "core/wait_group.h"

#include <memory>

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class WaitGroupOf : public LeakFree {};

Task<> waits(WaitGroup& group, int& passed) {
    const Wake wake = co_await group.wait();
    EXPECT_EQ(wake, Wake::ready);
    ++passed;
}

Task<int> counts() {
    WaitGroup group;
    int passed = 0;
    co_await waits(group, passed);
    EXPECT_EQ(passed, 1) << "nothing was added";
    group.add(3);
    JoinHandle<> one = spawn(waits(group, passed));
    JoinHandle<> two = spawn(waits(group, passed));
    co_await settle();
    EXPECT_NE(runtime::stack(true).find("[sync.WaitGroup.Wait]"), std::string::npos);
    group.done();
    group.add(-1);
    co_await settle();
    EXPECT_EQ(passed, 1);
    EXPECT_EQ(group.count(), 1);
    group.done();
    co_await one;
    co_await two;
    EXPECT_EQ(passed, 3);
    group.add(1);  // again
    JoinHandle<> third = spawn(waits(group, passed));
    co_await settle();
    group.done();
    co_await third;
    co_return 0;
}

TEST_F(WaitGroupOf, WakesAllWhenTheLastIsDone) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(counts()), 0);
}

Task<int> wait_times_out(ManualClock& clock) {
    WaitGroup group;
    group.add(1);
    struct Body {
        static Task<> waits_until(WaitGroup& until, TimePoint deadline) {
            const Wake wake = co_await until.wait(deadline);
            EXPECT_EQ(wake, Wake::timed_out);
        }
        static Task<> is_cancelled(WaitGroup& until) {
            (void)co_await until.wait();
            ADD_FAILURE() << "was cancelled";
        }
    };
    JoinHandle<> task = spawn(Body::waits_until(group, clock.now() + 1s));
    JoinHandle<> cancelled = spawn(Body::is_cancelled(group));
    co_await settle();
    clock.advance(1s);
    co_await task;
    cancelled.cancel();
    co_await cancelled;
    group.done();
    co_return 0;
}

TEST_F(WaitGroupOf, ADeadlineOrACancellationEndsTheWait) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(wait_times_out(clock)), 0);
}

Task<> works(WaitGroup& group, std::atomic<int>& done) {
    co_await yield();
    done.fetch_add(1);
    group.done();
}

// The waiter's frame, with the group in it, ends while the last done() returns.
Task<int> group_ends_at_once(int rounds) {
    for (int round = 0; round < rounds; ++round) {
        auto group = std::make_unique<WaitGroup>();
        std::atomic<int> done{0};
        group->add(8);
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 8; ++i) tasks.push_back(spawn(works(*group, done)));
        (void)co_await group->wait();
        group.reset();
        EXPECT_EQ(done.load(), 8);
        for (JoinHandle<>& task : tasks) co_await task;
    }
    co_return 0;
}

TEST_F(WaitGroupOf, MayBeDestroyedByWhoIsWoken) {
    for (const int processors : {1, 2, 8, 64}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(group_ends_at_once(4000 / kSlowdown)), 0);
    }
}

Task<> waits_at_random(WaitGroup& group, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
        group.add(1);
        struct Done {
            WaitGroup& to;
            ~Done() { to.done(); }
        } done{group};
        const Deadline deadline = soon(random);
        const Wake wake = co_await group.wait(deadline);
        EXPECT_EQ(wake, Wake::timed_out) << "our own is not done";
    }
}

Task<int> wait_group_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        WaitGroup group;
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(waits_at_random(group, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_EQ(group.count(), 0);
        const Wake wake = co_await group.wait();
        EXPECT_EQ(wake, Wake::ready);
    }
    co_return 0;
}

TEST_F(WaitGroupOf, SurvivesCancellationsAndDeadlines) { run_storm(wait_group_storm, 100); }

TEST_F(WaitGroupOf, MoreDoneThanAddedAborts) {
    WaitGroup group;
    EXPECT_DEATH(group.done(), "more done than added");
}

}  // namespace
}  // namespace pilotfish::core
