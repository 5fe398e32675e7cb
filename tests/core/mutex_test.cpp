#include "core/mutex.h"

#include "core/stack_dump.h"
#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class MutexOf : public LeakFree {};

Task<> appends(Mutex& mutex, std::string& out, char mark) {
    Mutex::Guard guard = co_await mutex.lock();
    out.push_back(mark);
    co_await yield();
    out.push_back(mark);
}

Task<int> excludes_and_keeps_order() {
    Mutex mutex;
    std::string out;
    std::vector<JoinHandle<>> tasks;
    Mutex::Guard guard = co_await mutex.lock();
    for (char mark = 'a'; mark < 'f'; ++mark) {
        tasks.push_back(spawn(appends(mutex, out, mark)));
        co_await settle();
    }
    guard.unlock();
    for (JoinHandle<>& task : tasks) co_await task;
    EXPECT_EQ(out, "aabbccddee");
    EXPECT_TRUE(mutex.try_lock());
    co_return 0;
}

TEST_F(MutexOf, ATaskKeepsOthersOutWhileItWaitsForSomethingElse) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(excludes_and_keeps_order()), 0);
}

Task<int> guards() {
    Mutex mutex;
    Mutex::Guard guard = co_await mutex.lock();
    EXPECT_TRUE(guard);
    EXPECT_FALSE(mutex.try_lock());
    Mutex::Guard moved = std::move(guard);
    EXPECT_FALSE(guard);
    EXPECT_FALSE(mutex.try_lock());
    moved.unlock();
    moved.unlock();
    EXPECT_FALSE(moved);
    guard = mutex.try_lock();
    EXPECT_TRUE(guard);
    guard = Mutex::Guard();
    EXPECT_TRUE(mutex.try_lock());
    co_return 0;
}

TEST_F(MutexOf, AGuardHoldsItOnce) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(guards()), 0);
}

Task<> locks_until(Mutex& mutex, TimePoint deadline, std::string& out) {
    const Mutex::Guard guard = co_await mutex.lock(deadline);
    out += guard ? "locked " : "timed_out ";
}

Task<int> lock_times_out(ManualClock& clock) {
    Mutex mutex;
    std::string out;
    Mutex::Guard guard = co_await mutex.lock();
    JoinHandle<> early = spawn(locks_until(mutex, clock.now() + 1s, out));
    JoinHandle<> late = spawn(locks_until(mutex, clock.now() + 5s, out));
    co_await settle();
    EXPECT_NE(runtime::stack(true).find("[sync.Mutex.Lock]"), std::string::npos);
    clock.advance(2s);
    co_await sleep_until(clock.now());
    co_await early;
    EXPECT_EQ(out, "timed_out ");
    guard.unlock();
    co_await late;
    EXPECT_EQ(out, "timed_out locked ");
    EXPECT_TRUE(mutex.try_lock());
    co_return 0;
}

TEST_F(MutexOf, ADeadlineEndsTheWaitWithoutTheLock) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(lock_times_out(clock)), 0);
}

Task<> locks_for_good(Mutex& mutex, int& locked) {
    const Mutex::Guard guard = co_await mutex.lock();
    ++locked;
    co_await yield();
    ADD_FAILURE() << "was cancelled";
}

Task<int> cancelled_in_every_phase() {
    Mutex mutex;
    int locked = 0;
    Mutex::Guard guard = co_await mutex.lock();
    // Before it runs, while it waits, and when it has been woken but not run.
    JoinHandle<> before = spawn(locks_for_good(mutex, locked));
    before.cancel();
    JoinHandle<> waiting = spawn(locks_for_good(mutex, locked));
    co_await settle();
    waiting.cancel();
    co_await before;
    co_await waiting;
    EXPECT_EQ(locked, 0);
    JoinHandle<> woken = spawn(locks_for_good(mutex, locked));
    co_await settle();
    guard.unlock();
    woken.cancel();
    co_await woken;
    EXPECT_EQ(locked, 1) << "a lock that was given stays given";
    // Woken, but another was faster: it must leave, and the next one must not be forgotten.
    guard = co_await mutex.lock();
    JoinHandle<> beaten = spawn(locks_for_good(mutex, locked));
    std::string out;
    JoinHandle<> next = spawn(appends(mutex, out, 'n'));
    co_await settle();
    guard.unlock();
    guard = mutex.try_lock();
    EXPECT_TRUE(guard);
    beaten.cancel();
    co_await beaten;
    EXPECT_EQ(locked, 1);
    guard.unlock();
    co_await next;
    EXPECT_EQ(out, "nn");
    EXPECT_TRUE(mutex.try_lock());
    co_return 0;
}

TEST_F(MutexOf, ACancelledTaskLeavesNoLockBehind) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(cancelled_in_every_phase()), 0);
}

// Locks again as soon as it has unlocked: without the hand-over the other would never get it.
Task<> hogs(Mutex& mutex, const bool& done, long& turns) {
    while (!done) {
        Mutex::Guard guard = co_await mutex.lock();
        ++turns;
        co_await yield();
        guard.unlock();
    }
}

Task<> wants_ten_times(Mutex& mutex, bool& done) {
    for (int i = 0; i < 10; ++i) {
        Mutex::Guard guard = co_await mutex.lock();
        co_await yield();
    }
    done = true;
}

Task<int> hog_and_others() {
    Mutex mutex;
    bool done = false;
    long turns = 0;
    JoinHandle<> hog = spawn(hogs(mutex, done, turns));
    JoinHandle<> modest = spawn(wants_ten_times(mutex, done));
    co_await modest;
    co_await hog;
    co_return 0;
}

TEST_F(MutexOf, IsHandedOverToWhoHasBeenPassedOverForAMillisecond) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(hog_and_others()), 0);
}

struct Counted {
    Mutex mutex;
    int inside = 0;  // not atomic: the thread sanitizer watches
    long sum = 0;
    std::atomic<long> locked{0};
};

Task<> locks_often(Counted& counted, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        Mutex::Guard guard = co_await counted.mutex.lock(deadline);
        if (!guard) continue;
        counted.locked.fetch_add(1);
        EXPECT_EQ(++counted.inside, 1);
        ++counted.sum;
        struct Out {
            int& inside;
            ~Out() { --inside; }
        } out{counted.inside};
        if (random() % 2) co_await yield();
    }
}

Task<int> mutex_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Counted counted;
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(locks_often(counted, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_EQ(counted.sum, counted.locked.load());
        EXPECT_EQ(counted.inside, 0);
        EXPECT_TRUE(counted.mutex.try_lock()) << "a lock leaked";
    }
    co_return 0;
}

TEST_F(MutexOf, LosesNoLockUnderCancellationsAndDeadlines) { run_storm(mutex_storm, 100); }

Task<> adds(Mutex& mutex, long& sum, int times) {
    for (int i = 0; i < times; ++i) {
        const Mutex::Guard guard = co_await mutex.lock();
        ++sum;
    }
}

Task<int> many_processors_add(int tasks_count, int times) {
    Mutex mutex;
    long sum = 0;
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < tasks_count; ++i) tasks.push_back(spawn(adds(mutex, sum, times)));
    for (JoinHandle<>& task : tasks) co_await task;
    co_return sum == static_cast<long>(tasks_count) * times ? 0 : 1;
}

TEST_F(MutexOf, ShortSectionsOfManyTasksAddUp) {
    for (const int processors : {1, 2, 8, 64}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(many_processors_add(16, 10'000 / kSlowdown)), 0);
    }
}

Task<> waits_in(Mutex& mutex) { const Mutex::Guard guard = co_await mutex.lock(); }

Task<int> destroys_while_others_wait() {
    Mutex* mutex = new Mutex;
    Mutex::Guard guard = mutex->try_lock();
    spawn(waits_in(*mutex)).detach();
    co_await settle();
    delete mutex;
    co_return 0;
}

TEST(MutexDeathTest, DestroyedWhileTasksWait) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(
        {
            Runtime runtime({.processors = 1});
            runtime.run(destroys_while_others_wait());
        },
        "destroyed while tasks wait for it");
}

Task<> holds_and_sleeps(Mutex& mutex) {
    const Mutex::Guard guard = co_await mutex.lock();
    co_await sleep_for(1h);
}

Task<int> ends_with_holder_and_waiters(Mutex& mutex) {
    for (int i = 0; i < 3; ++i) spawn(holds_and_sleeps(mutex)).detach();
    co_await settle();
    co_return 0;
}

TEST_F(MutexOf, TheRuntimeMayEndWhileTasksHoldItAndWait) {
    Mutex mutex;
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(ends_with_holder_and_waiters(mutex)), 0);
}

}  // namespace
}  // namespace pilotfish::core
