#include "core/memory_room.h"

#include <string>
#include <vector>

#include "core/sleep.h"
#include "core/task_group.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

// The brake is the process's: each test leaves it off.
class MemoryRoom : public LeakFree {
  protected:
    void TearDown() override {
        set_spawn_brake(false);
        LeakFree::TearDown();
    }
    static RuntimeOptions one_processor() {
        RuntimeOptions options;
        options.processors = 1;
        return options;
    }
};

Task<void> note(std::vector<std::string>* notes, std::string text) {
    notes->push_back(std::move(text));
    co_return;
}
Task<int> answer(int value) { co_return value; }

Task<int> asks_for_room(Wake* wake) {
    *wake = co_await runtime::memory_room();
    co_return 0;
}

TEST_F(MemoryRoom, IsThereAtOnceWithoutTheBrake) {
    const std::uint64_t held = brake_totals().held;
    Runtime runtime(one_processor());
    Wake wake = Wake::closed;
    runtime.run(asks_for_room(&wake));
    EXPECT_EQ(wake, Wake::ready);
    EXPECT_EQ(brake_totals().held, held);
}

TEST_F(MemoryRoom, IsWaitedForNoLongerThan100ms) {
    const BrakeTotals before = brake_totals();
    set_spawn_brake(true);
    set_spawn_brake(true);  // on already: counted once
    Runtime runtime(one_processor());
    Wake wake = Wake::closed;
    runtime.run(asks_for_room(&wake));
    EXPECT_EQ(wake, Wake::timed_out);
    EXPECT_EQ(brake_totals().brakes, before.brakes + 1);
    EXPECT_EQ(brake_totals().held, before.held + 1);
}

Task<int> is_freed() {
    Wake wake = Wake::closed;
    JoinHandle<int> waiting = spawn(asks_for_room(&wake));
    set_spawn_brake(true);
    co_await yield();
    set_spawn_brake(false);
    co_await waiting;
    co_return wake == Wake::ready ? 0 : 1;
}
TEST_F(MemoryRoom, WhoWaitsGoesOnWhenTheBrakeIsReleased) {
    Runtime runtime(one_processor());
    EXPECT_EQ(runtime.run(is_freed()), 0);
}

Task<int> who_runs_goes_first(std::vector<std::string>* notes) {
    JoinHandle<> early = spawn(note(notes, "spawned before"));
    set_spawn_brake(true);
    JoinHandle<> late = spawn(note(notes, "spawned under the brake"));
    Event open(true);
    co_await open.wait();  // is set: without the brake nobody else would get to run here
    notes->push_back("the spawner");
    set_spawn_brake(false);
    co_await late;
    co_await early;
    co_return 0;
}
TEST_F(MemoryRoom, WhatIsSpawnedUnderTheBrakeBeginsAfterThoseThatRunAndItsSpawnerGivesWay) {
    std::vector<std::string> notes;
    const std::uint64_t held = brake_totals().held;
    Runtime runtime(one_processor());
    runtime.run(who_runs_goes_first(&notes));
    EXPECT_EQ(notes, (std::vector<std::string>{"spawned before", "the spawner",
                                               "spawned under the brake"}));
    EXPECT_EQ(brake_totals().held, held + 1);
}

// Only the child frees the room that everybody waits for: it is late, not lost.
Task<void> frees() {
    set_spawn_brake(false);
    co_return;
}
Task<int> depends_on_its_child() {
    set_spawn_brake(true);
    JoinHandle<> child = spawn(frees());
    co_await child;
    JoinHandle<int> number = spawn(answer(7));
    const int value = co_await number;
    co_return value;
}
TEST_F(MemoryRoom, NeverDeadlocksOnATaskThatAloneCouldFreeMemory) {
    Runtime runtime(one_processor());
    EXPECT_EQ(runtime.run(depends_on_its_child()), 7);
}

Task<void> notes_begin(bool* begun, bool* cancelled) {
    *begun = true;
    try {
        co_await sleep_for(1h);
    } catch (const Cancelled&) {
        *cancelled = true;
    }
}
Task<int> cancels_a_held_one(bool* begun, bool* cancelled) {
    set_spawn_brake(true);
    JoinHandle<> held = spawn(notes_begin(begun, cancelled));
    co_await yield();
    held.cancel();
    co_await held;
    co_return 0;
}
TEST_F(MemoryRoom, WhoIsCancelledWhileItIsHeldBeginsAndHearsOfItAtItsFirstWait) {
    bool begun = false;
    bool cancelled = false;
    Runtime runtime(one_processor());
    runtime.run(cancels_a_held_one(&begun, &cancelled));
    EXPECT_TRUE(begun);
    EXPECT_TRUE(cancelled);
}

Task<int> leaves_held_ones_behind() {
    set_spawn_brake(true);
    for (int i = 0; i < 100; ++i) spawn(answer(i)).detach();
    co_await yield();
    co_return 0;
}
TEST_F(MemoryRoom, TheEndOfTheRuntimeTakesThoseThatAreHeldAlong) {
    Runtime runtime(one_processor());
    EXPECT_EQ(runtime.run(leaves_held_ones_behind()), 0);
}

// Many processors, a brake that goes on and off under them: everything spawned is run once.
Task<void> count_one(std::atomic<int>* count) {
    count->fetch_add(1, std::memory_order_relaxed);
    co_return;
}
void spawn_under_changes(TaskGroup& group, std::atomic<int>* count, int tasks) {
    for (int i = 0; i < tasks; ++i) {
        if (i % 16 == 0) set_spawn_brake(i % 32 == 0);
        group.spawn(count_one(count));
    }
    set_spawn_brake(false);
}
Task<int> spawns_many(std::atomic<int>* count, int tasks) {
    auto body = [count, tasks](TaskGroup& group) { spawn_under_changes(group, count, tasks); };
    co_await with_group(body);
    co_return 0;
}
TEST_F(MemoryRoom, ABrakeThatComesAndGoesLosesNobody) {
    std::atomic<int> count{0};
    const int tasks = 640 / kSlowdown;
    Runtime runtime(eager(4));
    runtime.run(spawns_many(&count, tasks));
    EXPECT_EQ(count.load(), tasks);
}

}  // namespace
}  // namespace pilotfish::core
