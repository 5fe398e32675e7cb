#include "core/condition.h"

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class ConditionOf : public LeakFree {};

// A bounded buffer, as in the textbooks.
struct Buffer {
    Mutex mutex;
    Condition not_empty;
    Condition not_full;
    int holds = 0;
    static constexpr int kMost = 3;
};

Task<> puts(Buffer& buffer, int count) {
    for (int i = 0; i < count; ++i) {
        Mutex::Guard guard = co_await buffer.mutex.lock();
        while (buffer.holds == Buffer::kMost) (void)co_await buffer.not_full.wait(guard);
        EXPECT_TRUE(guard);
        ++buffer.holds;
        buffer.not_empty.notify_one();
    }
}

Task<> takes(Buffer& buffer, int count) {
    for (int i = 0; i < count; ++i) {
        Mutex::Guard guard = co_await buffer.mutex.lock();
        while (buffer.holds == 0) (void)co_await buffer.not_empty.wait(guard);
        --buffer.holds;
        buffer.not_full.notify_one();
    }
}

Task<int> bounded_buffer(int count) {
    Buffer buffer;
    std::vector<JoinHandle<>> tasks;
    for (int i = 0; i < 4; ++i) {
        tasks.push_back(spawn(puts(buffer, count)));
        tasks.push_back(spawn(takes(buffer, count)));
    }
    for (JoinHandle<>& task : tasks) co_await task;
    co_return buffer.holds;
}

TEST_F(ConditionOf, ABoundedBufferLosesNoWake) {
    for (const int processors : {1, 2, 8, 64}) {
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(bounded_buffer(2000 / kSlowdown)), 0);
    }
}

Task<> waits(Mutex& mutex, Condition& condition, Deadline deadline, std::string& out) {
    Mutex::Guard guard = co_await mutex.lock();
    try {
        const Wake wake = co_await condition.wait(guard, deadline);
        out += wake == Wake::ready ? "ready " : "timed_out ";
    } catch (const Cancelled&) {
        out += "cancelled ";
    }
    EXPECT_TRUE(guard);
    EXPECT_FALSE(mutex.try_lock());
}

Task<int> ends_with_the_mutex_held(ManualClock& clock) {
    Mutex mutex;
    Condition condition;
    std::string out;
    JoinHandle<> early = spawn(waits(mutex, condition, clock.now() + 1s, out));
    co_await settle();
    EXPECT_NE(runtime::stack(true).find("[sync.Cond.Wait]"), std::string::npos);
    EXPECT_TRUE(mutex.try_lock()) << "free while it waits";
    clock.advance(1s);
    co_await early;
    JoinHandle<> cancelled = spawn(waits(mutex, condition, {}, out));
    co_await settle();
    cancelled.cancel();
    co_await cancelled;
    JoinHandle<> one = spawn(waits(mutex, condition, {}, out));
    JoinHandle<> two = spawn(waits(mutex, condition, {}, out));
    co_await settle();
    condition.notify_one();
    co_await one;
    EXPECT_EQ(out, "timed_out cancelled ready ");
    condition.notify_all();
    co_await two;
    EXPECT_TRUE(mutex.try_lock());
    co_return 0;
}

TEST_F(ConditionOf, HowEverItEndsTheMutexIsHeld) {
    ManualClock clock;
    Runtime runtime({.processors = 1, .clock = &clock});
    EXPECT_EQ(runtime.run(ends_with_the_mutex_held(clock)), 0);
}

Task<> waits_at_random(Buffer& buffer, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
        Mutex::Guard guard = co_await buffer.mutex.lock();
        struct In {
            int& count;
            explicit In(int& to) : count(to) { EXPECT_EQ(++count, 1); }
            ~In() { --count; }
        };
        {
            In in(buffer.holds);
        }
        const Deadline deadline = soon(random);
        (void)co_await buffer.not_empty.wait(guard, deadline);
        In in(buffer.holds);
        if (random() % 2) co_await yield();
        if (random() % 4 == 0) buffer.not_empty.notify_all();
    }
}

Task<int> condition_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Buffer buffer;
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(waits_at_random(buffer, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_TRUE(buffer.mutex.try_lock());
        EXPECT_EQ(buffer.holds, 0);
    }
    co_return 0;
}

TEST_F(ConditionOf, LosesNoLockUnderCancellationsAndDeadlines) { run_storm(condition_storm, 50); }

}  // namespace
}  // namespace pilotfish::core
