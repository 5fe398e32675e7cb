#include "core/rw_lock.h"

#include "tests/core/storm.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class RwLockOf : public LeakFree {};

Task<> reads(RwLock& lock, std::string& out, char mark) {
    const RwLock::ReadGuard guard = co_await lock.read();
    out.push_back(mark);
    co_await yield();
}

Task<> writes(RwLock& lock, std::string& out, char mark) {
    const RwLock::WriteGuard guard = co_await lock.write();
    out.push_back(mark);
    co_await yield();
}

Task<int> readers_together_writers_alone() {
    RwLock lock;
    RwLock::ReadGuard first = co_await lock.read();
    RwLock::ReadGuard second = co_await lock.read();
    EXPECT_TRUE(first && second);
    EXPECT_FALSE(lock.try_write());
    EXPECT_TRUE(lock.try_read());
    first.unlock();
    EXPECT_FALSE(lock.try_write());
    second.unlock();
    RwLock::WriteGuard writer = lock.try_write();
    EXPECT_TRUE(writer);
    EXPECT_FALSE(lock.try_write());
    EXPECT_FALSE(lock.try_read());
    co_return 0;
}

TEST_F(RwLockOf, ReadersShareAndAWriterIsAlone) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(readers_together_writers_alone()), 0);
}

Task<int> takes_turns() {
    RwLock lock;
    std::string out;
    RwLock::ReadGuard reader = co_await lock.read();
    JoinHandle<> w1 = spawn(writes(lock, out, 'W'));
    JoinHandle<> w2 = spawn(writes(lock, out, 'V'));
    co_await settle();
    EXPECT_FALSE(lock.try_read()) << "a waiting writer keeps new readers out";
    JoinHandle<> r1 = spawn(reads(lock, out, 'a'));
    JoinHandle<> r2 = spawn(reads(lock, out, 'b'));
    co_await settle();
    const std::string stacks = runtime::stack(true);
    EXPECT_NE(stacks.find("[sync.RWMutex.RLock]"), std::string::npos);
    EXPECT_NE(stacks.find("[sync.RWMutex.Lock]"), std::string::npos);
    reader.unlock();
    co_await w1;
    co_await w2;
    co_await r1;
    co_await r2;
    EXPECT_EQ(out.size(), 4U);
    EXPECT_EQ(out.front(), 'W') << "the writer that waited first";
    EXPECT_EQ(out.back(), 'V') << "the readers that came meanwhile go before the next writer";
    co_return 0;
}

TEST_F(RwLockOf, WritersAndReadersTakeTurns) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(takes_turns()), 0);
}

Task<> writes_until(RwLock& lock, TimePoint deadline, std::string& out) {
    const RwLock::WriteGuard guard = co_await lock.write(deadline);
    out += guard ? "wrote " : "gave_up ";
}

// The readers that a writer kept out go on when it gives up.
Task<int> writer_gives_up(ManualClock& clock, bool by_deadline) {
    RwLock lock;
    std::string out;
    RwLock::ReadGuard reader = co_await lock.read();
    JoinHandle<> writer = spawn(writes_until(lock, clock.now() + 1s, out));
    co_await settle();
    JoinHandle<> behind = spawn(reads(lock, out, 'r'));
    co_await settle();
    EXPECT_EQ(out, "");
    if (by_deadline) {
        clock.advance(1s);
        co_await sleep_until(clock.now());
    } else {
        writer.cancel();
    }
    co_await behind;
    co_await writer;
    EXPECT_EQ(out.find('r') != out.npos, true);
    EXPECT_EQ(out.find("gave_up") != out.npos, by_deadline);
    EXPECT_TRUE(lock.try_read());
    reader.unlock();
    EXPECT_TRUE(lock.try_write());
    co_return 0;
}

TEST_F(RwLockOf, AWriterThatGivesUpLetsTheReadersBehindItIn) {
    for (const bool by_deadline : {false, true}) {
        ManualClock clock;
        Runtime runtime({.processors = 1, .clock = &clock});
        EXPECT_EQ(runtime.run(writer_gives_up(clock, by_deadline)), 0);
    }
}

struct Shared {
    RwLock lock;
    std::atomic<int> readers{0};
    int writers = 0;  // not atomic: the thread sanitizer watches
    long value = 0;
};

Task<> reads_and_writes(Shared& shared, std::uint64_t seed) {
    Random random(seed);
    for (int i = 0; i < 20; ++i) {
        const Deadline deadline = random() % 2 ? soon(random) : Deadline();
        const bool pauses = random() % 2;
        if (random() % 3) {
            const RwLock::ReadGuard guard = co_await shared.lock.read(deadline);
            if (!guard) continue;
            struct In {
                std::atomic<int>& count;
                explicit In(std::atomic<int>& to) : count(to) { ++count; }
                ~In() { --count; }
            } in(shared.readers);
            EXPECT_EQ(shared.writers, 0);
            const long before = shared.value;
            if (pauses) co_await yield();
            EXPECT_EQ(shared.value, before);
        } else {
            const RwLock::WriteGuard guard = co_await shared.lock.write(deadline);
            if (!guard) continue;
            struct In {
                int& count;
                explicit In(int& to) : count(to) { ++count; }
                ~In() { --count; }
            } in(shared.writers);
            EXPECT_EQ(shared.writers, 1);
            EXPECT_EQ(shared.readers.load(), 0);
            ++shared.value;
            if (pauses) co_await yield();
        }
    }
}

Task<int> rw_lock_storm(Random& random, int rounds) {
    for (int round = 0; round < rounds; ++round) {
        Shared shared;
        std::vector<JoinHandle<>> tasks;
        for (int i = 0; i < 24; ++i) tasks.push_back(spawn(reads_and_writes(shared, random())));
        co_await cancel_at_random(tasks, random);
        EXPECT_TRUE(shared.lock.try_write()) << "a lock leaked";
    }
    co_return 0;
}

TEST_F(RwLockOf, LosesNoLockUnderCancellationsAndDeadlines) { run_storm(rw_lock_storm, 100); }

}  // namespace
}  // namespace pilotfish::core
