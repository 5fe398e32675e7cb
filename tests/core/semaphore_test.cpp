#include "core/semaphore.h"

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class SemaphoreOf : public LeakFree {};

Task<> takes(Semaphore& semaphore, std::int64_t count, std::string& out) {
    Permit permit = co_await semaphore.acquire(count);
    out += std::to_string(count) + " ";
    permit.forget();
}

Task<int> serves_in_order() {
    Semaphore semaphore(2);
    std::string out;
    Permit both = co_await semaphore.acquire(2);
    EXPECT_FALSE(semaphore.try_acquire());
    JoinHandle<> many = spawn(takes(semaphore, 3, out));
    JoinHandle<> few = spawn(takes(semaphore, 1, out));
    co_await settle();
    both.release();
    co_await settle();
    EXPECT_EQ(out, "") << "one permit is free, but who asked for three comes first";
    EXPECT_FALSE(semaphore.try_acquire());
    EXPECT_EQ(semaphore.available(), 2);
    semaphore.release();
    co_await many;
    EXPECT_EQ(out, "3 ");
    semaphore.release(2);
    co_await few;
    EXPECT_EQ(out, "3 1 ");
    EXPECT_EQ(semaphore.available(), 1);
    co_return 0;
}

TEST_F(SemaphoreOf, PermitsAreHandedOutInOrder) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(serves_in_order()), 0);
}

Task<> takes_until(Semaphore& semaphore, std::int64_t count, TimePoint deadline, std::string& out) {
    const Permit permit = co_await semaphore.acquire(count, deadline);
    out += permit ? "got " : "timed_out ";
}

// Who asked for many leaves, by deadline or cancellation: who is content with less goes on.
Task<int> first_one_leaves(ManualClock& clock, bool by_deadline) {
    Semaphore semaphore(1);
    std::string out;
    JoinHandle<> many = spawn(takes_until(semaphore, 5, clock.now() + 1s, out));
    co_await settle();
    JoinHandle<> one = spawn(takes_until(semaphore, 1, clock.now() + 9s, out));
    co_await settle();
    EXPECT_EQ(out, "");
    if (by_deadline) {
        clock.advance(1s);
        co_await sleep_until(clock.now());
    } else {
        many.cancel();
    }
    co_await many;
    co_await one;
    EXPECT_EQ(out, by_deadline ? "timed_out got " : "got ");
    EXPECT_EQ(semaphore.available(), 1);
    co_return 0;
}

TEST_F(SemaphoreOf, OneThatLeavesTheQueueLetsThoseBehindItPass) {
    for (const bool by_deadline : {false, true}) {
        ManualClock clock;
        Runtime runtime({.processors = 1, .clock = &clock});
        EXPECT_EQ(runtime.run(first_one_leaves(clock, by_deadline)), 0);
    }
}

Task<> takes_one(Semaphore& semaphore, int& got) {
    const Permit permit = co_await semaphore.acquire();
    ++got;
    co_await yield();
    ADD_FAILURE() << "was cancelled";
}

Task<int> cancelled_when_granted() {
    Semaphore semaphore(0);
    int got = 0;
    JoinHandle<> task = spawn(takes_one(semaphore, got));
    co_await settle();
    semaphore.release();
    task.cancel();
    co_await task;
    EXPECT_EQ(got, 1);
    EXPECT_EQ(semaphore.available(), 1) << "given back on the way out";
    co_return 0;
}

TEST_F(SemaphoreOf, APermitGivenToACancelledTaskIsNotLost) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(cancelled_when_granted()), 0);
}

Task<> borrows(Semaphore& semaphore, std::atomic<std::int64_t>& left, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
        const auto count = static_cast<std::int64_t>(1 + random() % 5);
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        const Permit permit = co_await semaphore.acquire(count, deadline);
        if (!permit) continue;
        EXPECT_GE(left.fetch_sub(count) - count, 0) << "more permits than there are";
        struct Back {
            std::atomic<std::int64_t>& to;
            std::int64_t by;
            ~Back() { to.fetch_add(by); }
        } back{left, count};
        if (random() % 2) co_await yield();
    }
}

Task<int> semaphore_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Semaphore semaphore(7);
        std::atomic<std::int64_t> left{7};
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(borrows(semaphore, left, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_EQ(semaphore.available(), 7) << "a permit leaked or was doubled";
    }
    co_return 0;
}

TEST_F(SemaphoreOf, LosesNoPermitUnderCancellationsAndDeadlines) {
    run_storm(semaphore_storm, 100);
}

Task<int> gets_permits_from_outside(int count) {
    Semaphore semaphore(0);
    std::thread outside([&] {
        for (int i = 0; i < count; ++i) semaphore.release();
    });
    for (int i = 0; i < count; ++i) {
        Permit permit = co_await semaphore.acquire();
        permit.forget();
    }
    outside.join();
    EXPECT_EQ(semaphore.available(), 0);
    co_return 0;
}

TEST_F(SemaphoreOf, AnOutsideThreadMayRelease) {
    for (const int processors : {1, 8}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(gets_permits_from_outside(20'000 / kSlowdown)), 0);
    }
}

}  // namespace
}  // namespace pilotfish::core
