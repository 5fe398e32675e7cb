#include "core/run_queue.h"

#include <thread>
#include <vector>

#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

TEST(RunQueue, GivesBackInOrder) {
    RunQueue queue;
    TaskRecord tasks[3];
    for (TaskRecord& task : tasks) EXPECT_TRUE(queue.push(&task));
    for (TaskRecord& task : tasks) EXPECT_EQ(queue.pop(), &task);
    EXPECT_EQ(queue.pop(), nullptr);
}

TEST(RunQueue, GivesFromEitherEnd) {
    RunQueue queue;
    TaskRecord tasks[4];
    for (TaskRecord& task : tasks) EXPECT_TRUE(queue.push(&task));
    EXPECT_EQ(queue.pop_newest(), &tasks[3]);
    EXPECT_EQ(queue.pop(), &tasks[0]);
    EXPECT_EQ(queue.pop_newest(), &tasks[2]);
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_EQ(queue.pop_newest(), &tasks[1]);
    EXPECT_EQ(queue.pop_newest(), nullptr);
    EXPECT_EQ(queue.pop(), nullptr);
    EXPECT_TRUE(queue.push(&tasks[0]));
    EXPECT_EQ(queue.pop(), &tasks[0]);
}

TEST(RunQueue, TellsHowManyWereOvertaken) {
    RunQueue queue;
    TaskRecord tasks[8];
    for (int i = 0; i < 4; ++i) queue.push(&tasks[i]);
    EXPECT_EQ(queue.overtaken(), 0U) << "they came since the last call";
    EXPECT_EQ(queue.overtaken(), 4U);
    queue.pop_newest();
    queue.pop_newest();
    for (int i = 4; i < 7; ++i) queue.push(&tasks[i]);
    queue.pop();
    EXPECT_EQ(queue.overtaken(), 1U) << "of four, one left in order and two as the newest";
    EXPECT_EQ(queue.overtaken(), 4U);
}

// A mark stays valid while the newest come and go beyond it.
TEST(RunQueue, KnowsWhenAMarkedTaskHasLeft) {
    RunQueue queue;
    TaskRecord tasks[3];
    std::uint32_t mark = 0;
    EXPECT_EQ(queue.newest(mark), nullptr);
    queue.push(&tasks[0]);
    queue.push(&tasks[1]);
    EXPECT_EQ(queue.newest(mark), &tasks[1]);
    queue.push(&tasks[2]);
    EXPECT_EQ(queue.pop_newest(), &tasks[2]);
    EXPECT_FALSE(queue.left(mark));
    queue.pop();
    EXPECT_FALSE(queue.left(mark));
    queue.pop();
    EXPECT_TRUE(queue.left(mark));
}

TEST(RunQueue, RefusesTheTwoHundredAndFiftySeventh) {
    RunQueue queue;
    std::vector<TaskRecord> tasks(257);
    for (int i = 0; i < 256; ++i) EXPECT_TRUE(queue.push(&tasks[static_cast<std::size_t>(i)]));
    EXPECT_FALSE(queue.push(&tasks[256]));
    TaskList half = queue.pop_half();
    EXPECT_EQ(half.size, 128U);
    EXPECT_EQ(half.head, &tasks[0]);
    EXPECT_EQ(queue.pop(), &tasks[128]);
}

TEST(RunQueue, LifoSlotGivesTheDisplacedTaskBack) {
    RunQueue queue;
    TaskRecord first, second;
    EXPECT_EQ(queue.push_lifo(&first), nullptr);
    EXPECT_EQ(queue.push_lifo(&second), &first);
    EXPECT_EQ(queue.take_lifo(), &second);
    EXPECT_EQ(queue.take_lifo(), nullptr);
    EXPECT_TRUE(queue.empty());
}

TEST(RunQueue, ThiefTakesTheOlderHalf) {
    RunQueue victim, thief;
    std::vector<TaskRecord> tasks(9);
    for (TaskRecord& task : tasks) EXPECT_TRUE(victim.push(&task));
    std::uint32_t stolen = 0;
    EXPECT_EQ(victim.steal_into(thief, stolen), &tasks[4]);
    EXPECT_EQ(stolen, 5U);
    for (int i = 0; i < 4; ++i) EXPECT_EQ(thief.pop(), &tasks[static_cast<std::size_t>(i)]);
    EXPECT_EQ(victim.pop(), &tasks[5]);
    EXPECT_EQ(victim.size(), 3U);
}

TEST(RunQueue, GivesAllToWhoTakesAll) {
    RunQueue victim;
    TaskRecord tasks[4];
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(victim.push(&tasks[i]));
    EXPECT_EQ(victim.push_lifo(&tasks[3]), nullptr);
    TaskList all = victim.steal_all();
    EXPECT_EQ(all.size, 4U);
    for (TaskRecord& task : tasks) EXPECT_EQ(all.pop(), &task);
    EXPECT_TRUE(victim.empty());
    EXPECT_EQ(victim.steal_all().size, 0U);
}

TEST(InjectionQueue, KeepsOrderAcrossBatches) {
    InjectionQueue queue;
    TaskRecord tasks[5];
    TaskList batch;
    for (int i = 1; i < 5; ++i) batch.push(&tasks[i]);
    queue.push(&tasks[0]);
    queue.push(batch);
    EXPECT_EQ(queue.size(), 5U);
    TaskList out = queue.take(3);
    EXPECT_EQ(out.pop(), &tasks[0]);
    EXPECT_EQ(out.pop(), &tasks[1]);
    EXPECT_EQ(out.pop(), &tasks[2]);
    out = queue.take(10);
    EXPECT_EQ(out.size, 2U);
    EXPECT_EQ(queue.size(), 0U);
}

// Every task is taken exactly once, whoever takes it.
TEST(RunQueue, LosesAndDoublesNothingUnderThieves) {
    PF_SEEDED(random);
    constexpr int kThieves = 3;
    const std::size_t count = 400'000 / kSlowdown;
    std::vector<TaskRecord> tasks(count);
    std::vector<std::atomic<int>> taken(count);
    RunQueue victim;
    std::atomic<bool> done{false};
    auto take = [&](TaskRecord* task) {
        taken[static_cast<std::size_t>(task - tasks.data())].fetch_add(1);
    };
    std::vector<std::thread> thieves;
    for (int i = 0; i < kThieves; ++i) {
        thieves.emplace_back([&] {
            RunQueue own;
            while (!done.load()) {
                std::uint32_t stolen = 0;
                if (TaskRecord* task = victim.steal_into(own, stolen)) take(task);
                if (TaskRecord* task = victim.steal()) take(task);
                while (TaskRecord* task = own.pop()) take(task);
                if (TaskRecord* task = victim.take_lifo()) take(task);
            }
        });
    }
    for (std::size_t next = 0; next < count;) {
        for (auto burst = random() % 100; burst > 0 && next < count; --burst) {
            TaskRecord* task = &tasks[next++];
            if (random() % 4 == 0) task = victim.push_lifo(task);
            if (task && !victim.push(task)) take(task);
        }
        for (auto burst = random() % 60; burst > 0; --burst) {
            TaskRecord* task = victim.take_lifo();
            if (!task) task = random() % 2 == 0 ? victim.pop() : victim.pop_newest();
            if (task) take(task);
        }
    }
    while (TaskRecord* task = victim.pop()) take(task);
    if (TaskRecord* task = victim.take_lifo()) take(task);
    done = true;
    for (std::thread& thief : thieves) thief.join();
    for (std::size_t i = 0; i < count; ++i) ASSERT_EQ(taken[i].load(), 1) << "task " << i;
}

}  // namespace
}  // namespace pilotfish::core
