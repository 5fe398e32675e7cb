#include "core/event.h"

#include <memory>

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class EventOf : public LeakFree {};

Task<> waits(Event& event, int& passed) {
    const Wake wake = co_await event.wait();
    EXPECT_EQ(wake, Wake::ready);
    ++passed;
}

Task<int> sets_and_resets() {
    Event event;
    int passed = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(spawn(waits(event, passed)));
    co_await settle();
    EXPECT_EQ(passed, 0);
    EXPECT_NE(runtime::stack(true).find("[event wait]"), std::string::npos);
    event.set();
    event.reset();
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(passed, 5) << "a reset does not call back whom set() has woken";
    JoinHandle<> late = spawn(waits(event, passed));
    co_await settle();
    EXPECT_EQ(passed, 5);
    event.set();
    co_await late;
    co_await waits(event, passed);
    EXPECT_EQ(passed, 7);
    co_return 0;
}

TEST_F(EventOf, WakesAllAndLetsPassWhileItIsSet) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sets_and_resets()), 0);
}

Task<int> wait_times_out(ManualClock& clock) {
    Event event;
    struct Body {
        static Task<> waits_until(Event& until, TimePoint deadline) {
            const Wake wake = co_await until.wait(deadline);
            EXPECT_EQ(wake, Wake::timed_out);
        }
    };
    JoinHandle<> task = spawn(Body::waits_until(event, clock.now() + 1s));
    co_await settle();
    clock.advance(1s);
    co_await task;
    co_return 0;
}

TEST_F(EventOf, ADeadlineEndsTheWait) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(wait_times_out(clock)), 0);
}

Task<> always_passes(Event& event, const bool& other_ran, bool& done) {
    for (int i = 0; i < 100'000 && !other_ran; ++i) (void)co_await event.wait();
    done = true;
    EXPECT_TRUE(other_ran);
}

Task<> notes(bool& ran) {
    ran = true;
    co_return;
}

Task<int> shares() {
    Event event(true);
    bool other_ran = false;
    bool done = false;
    JoinHandle<> greedy = spawn(always_passes(event, other_ran, done));
    JoinHandle<> modest = spawn(notes(other_ran));
    co_await greedy;
    co_await modest;
    co_return done ? 0 : 1;
}

TEST_F(EventOf, ThatIsAlwaysSetDoesNotStarveOtherTasks) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(shares()), 0);
}

Task<> sets(Event& event) {
    event.set();
    co_return;
}

// Who is woken destroys it while the other is still in set().
Task<int> destroyed_by_who_is_woken(int rounds) {
    for (int i = 0; i < rounds; ++i) {
        auto event = std::make_unique<Event>();
        JoinHandle<> setter = spawn(sets(*event));
        (void)co_await event->wait();
        event.reset();
        co_await setter;
    }
    co_return 0;
}

TEST_F(EventOf, MayBeDestroyedByWhoIsWoken) {
    for (const int processors : {1, 2, 8}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(destroyed_by_who_is_woken(20'000 / kSlowdown)), 0);
    }
}

Task<> waits_at_random(Event& event, std::atomic<int>& ended, std::uint64_t seed) {
    Random random(seed);
    struct Ended {
        std::atomic<int>& count;
        ~Ended() { count.fetch_add(1); }
    } note{ended};
    for (int i = 0; i < 20; ++i) {
        const Deadline deadline = soon(random);
        (void)co_await event.wait(deadline);
        if (random() % 4 == 0)
            event.reset();
        else if (random() % 2)
            event.set();
    }
}

Task<int> event_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Event event;
        std::atomic<int> ended{0};
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i)
            tasks.push_back(spawn(waits_at_random(event, ended, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_LE(ended.load(), 24);
    }
    co_return 0;
}

TEST_F(EventOf, SurvivesCancellationsAndDeadlines) { run_storm(event_storm, 100); }

}  // namespace
}  // namespace pilotfish::core
