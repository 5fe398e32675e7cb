#include "core/once.h"

#include <stdexcept>

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class OnceOf : public LeakFree {};

Task<> makes(int& made) {
    co_await yield();
    ++made;
}

Task<> needs(Once& once, int& made) {
    const auto make = [&made] { return makes(made); };
    const Wake wake = co_await once.call(make);
    EXPECT_EQ(wake, Wake::ready);
    EXPECT_EQ(made, 1) << "who returns finds it done";
}

Task<int> calls_once() {
    Once once;
    int made = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < 5; ++i) tasks.push_back(spawn(needs(once, made)));
    co_await yield();
    EXPECT_NE(runtime::stack(true).find("[sync.Once.Do]"), std::string::npos);
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_TRUE(once.done());
    const auto plain = [&made] { ++made; };
    (void)co_await once.call(plain);
    EXPECT_EQ(made, 1);
    Once other;
    (void)co_await other.call(plain);
    EXPECT_EQ(made, 2);
    co_return 0;
}

TEST_F(OnceOf, TheFirstDoesItAndTheOthersWait) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(calls_once()), 0);
}

Task<> fails_at_first(int& tries) {
    co_await yield();
    if (++tries < 3) throw std::runtime_error("not yet");
}

Task<> tries_it(Once& once, int& tries, int& errors) {
    const auto attempt = [&tries] { return fails_at_first(tries); };
    try {
        (void)co_await once.call(attempt);
        EXPECT_EQ(tries, 3);
    } catch (const std::runtime_error&) {
        ++errors;
    }
}

Task<int> next_one_tries() {
    Once once;
    int tries = 0;
    int errors = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < 6; ++i) tasks.push_back(spawn(tries_it(once, tries, errors)));
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(tries, 3);
    EXPECT_EQ(errors, 2) << "only who made the call gets its exception";
    co_return 0;
}

TEST_F(OnceOf, AfterAnExceptionTheNextOneTries) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(next_one_tries()), 0);
}

Task<> takes_for_ever(Once& once) {
    const auto never = [] { return []() -> Task<> { co_await sleep_for(10'000h); }(); };
    (void)co_await once.call(never);
}

Task<> waits_until(Once& once, TimePoint deadline, int& made) {
    const auto make = [&made] { ++made; };
    const Wake wake = co_await once.call(make, deadline);
    EXPECT_EQ(wake, Wake::timed_out);
}

Task<int> cancelled_and_timed_out(ManualClock& clock) {
    Once once;
    int made = 0;
    JoinHandle<> first = spawn(takes_for_ever(once));
    JoinHandle<> impatient = spawn(waits_until(once, clock.now() + 1s, made));
    JoinHandle<> patient = spawn(needs(once, made));
    co_await settle();
    clock.advance(1s);
    co_await impatient;
    EXPECT_EQ(made, 0);
    first.cancel();
    co_await first;
    co_await patient;
    EXPECT_EQ(made, 1);
    co_return 0;
}

TEST_F(OnceOf, ACancelledCallLeavesItToTheNextAndADeadlineEndsTheWait) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(cancelled_and_timed_out(clock)), 0);
}

struct Tried {
    Once once;
    int inside = 0;  // not atomic: the thread sanitizer watches
    int succeeded = 0;
};

Task<> tries_at_random(Tried& tried, Random& random) {
    struct In {
        int& count;
        explicit In(int& to) : count(to) { EXPECT_EQ(++count, 1); }
        ~In() { --count; }
    } in(tried.inside);
    if (random() % 2) co_await yield();
    if (random() % 8) throw std::runtime_error("no luck");
    ++tried.succeeded;
}

Task<> calls_at_random(Tried& tried, std::uint64_t seed) {
    Random random(seed);
    const auto attempt = [&tried, &random] { return tries_at_random(tried, random); };
    for (int i = 0; i < 20 && !tried.once.done(); ++i) {
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        try {
            const Wake wake = co_await tried.once.call(attempt, deadline);
            if (wake == Wake::ready) {
                EXPECT_EQ(tried.succeeded, 1);
            }
        } catch (const std::runtime_error&) {
        }
    }
}

Task<int> once_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Tried tried;
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(calls_at_random(tried, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_EQ(tried.succeeded, tried.once.done() ? 1 : 0);
        // Whatever became of them, it is not stuck.
        const auto at_last = [&tried] { ++tried.succeeded; };
        (void)co_await tried.once.call(at_last);
        EXPECT_EQ(tried.succeeded, 1);
    }
    co_return 0;
}

TEST_F(OnceOf, SucceedsOnceUnderErrorsCancellationsAndDeadlines) { run_storm(once_storm, 200); }

}  // namespace
}  // namespace pilotfish::core
