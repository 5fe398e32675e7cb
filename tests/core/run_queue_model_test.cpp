// The ring against its thieves, through every interleaving: the code under test is the scheduler's
// own, on the explorer's atomics.
#include <array>
#include <string>
#include <string_view>

#include "core/run_queue.h"
#include "tests/core/explorer_atomics.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {

using ModelQueue = BasicRunQueue<explorer::Atomic, 4>;

// pop_newest() with its two steps in the order that looks as good.
struct RunQueueTestPeer {
    static TaskRecord* bumps_before_it_takes(ModelQueue& queue) {
        const std::uint32_t tail = queue.tail_.load(std::memory_order_relaxed);
        std::uint64_t head = queue.head_.load(std::memory_order_relaxed);
        while (ModelQueue::position(head) != tail) {
            if (!queue.head_.compare_exchange_weak(head, head + ModelQueue::kVersion)) continue;
            queue.tail_.store(tail - 1, std::memory_order_release);
            return queue.ring_[(tail - 1) % ModelQueue::kCapacity].load(std::memory_order_relaxed);
        }
        return nullptr;
    }
    // Without the version, as if thieves could not hold an old tail.
    static TaskRecord* takes_without_a_word(ModelQueue& queue) {
        const std::uint32_t tail = queue.tail_.load(std::memory_order_relaxed);
        const std::uint64_t head = queue.head_.load(std::memory_order_relaxed);
        if (ModelQueue::position(head) == tail) return nullptr;
        queue.tail_.store(tail - 1, std::memory_order_release);
        return queue.ring_[(tail - 1) % ModelQueue::kCapacity].load(std::memory_order_relaxed);
    }
};

namespace {

using explorer::explore;
using explorer::Explored;
using explorer::Memory;

using PopNewest = TaskRecord* (*)(ModelQueue&);
TaskRecord* rightly(ModelQueue& queue) { return queue.pop_newest(); }

// Thread 0 owns the ring and follows a script: u pushes, o pops the oldest, n the newest, l fills
// the LIFO slot, t takes it. Each other thread steals so often and empties its own ring.
struct Ring {
    Ring(std::string_view does, int rounds, PopNewest newest)
        : script(does), steals(rounds), pop_newest(newest) {}

    void thread(int index) {
        if (index == 0)
            owns();
        else
            thieves(index);
    }
    void owns() {
        for (const char operation : script) {
            TaskRecord* task = nullptr;
            switch (operation) {
                case 'u':
                    task = &tasks[pushed++];
                    if (rings[0].push(task)) task = nullptr;
                    break;
                case 'o': task = rings[0].pop(); break;
                case 'n': task = pop_newest(rings[0]); break;
                case 'l': task = rings[0].push_lifo(&tasks[pushed++]); break;
                case 't': task = rings[0].take_lifo(); break;
            }
            take(task);
        }
    }
    void thieves(int index) {
        ModelQueue& own = rings[static_cast<std::size_t>(index)];
        for (int round = 0; round < steals; ++round) {
            // '1' in the script: thieves take one at a time.
            std::uint32_t stolen = 0;
            take(script.find('1') != script.npos ? rings[0].steal()
                                                 : rings[0].steal_into(own, stolen));
            if (script.find('l') != script.npos) take(rings[0].take_lifo());
            while (TaskRecord* task = own.pop()) take(task);
        }
    }
    void take(const TaskRecord* task) {
        if (task) ++taken[static_cast<std::size_t>(task - tasks.data())];
    }
    std::string verdict(bool stuck) {
        if (stuck) return "somebody waits";
        if (rings[0].size() > ModelQueue::kCapacity) return "head has passed tail";
        for (ModelQueue& ring : rings) {
            while (TaskRecord* task = ring.pop()) take(task);
            take(ring.take_lifo());
        }
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            const int times = i < pushed ? 1 : 0;
            if (taken[i] != times)
                return "task " + std::to_string(i) + " came out " + std::to_string(taken[i]) +
                       " times";
        }
        return "";
    }

    std::string_view script;
    int steals;
    PopNewest pop_newest;
    std::array<ModelQueue, 3> rings;
    std::array<TaskRecord, 8> tasks;
    std::array<int, 8> taken{};
    std::size_t pushed = 0;
};

struct Case {
    const char* script;
    int thieves;
    int steals;
    Memory memory;
    long least;
};

class RunQueueModel : public LeakFree, public testing::WithParamInterface<Case> {};

TEST_P(RunQueueModel, GivesEveryTaskOutOnce) {
    const Case& tried = GetParam();
    const Explored result =
        explore<Ring>(1 + tried.thieves, tried.memory, tried.script, tried.steals, &rightly);
    EXPECT_EQ(result.complaint, "");
    EXPECT_GE(result.executions, tried.least) << "the search has shrunk: what is it blind to?";
}

// The last number: how many executions there are at least; a change of the ring may need others.
INSTANTIATE_TEST_SUITE_P(Of, RunQueueModel,
                         testing::Values(Case{"1uunn", 2, 1, Memory::store_buffers, 1000},
                                         Case{"1uuonn", 1, 3, Memory::store_buffers, 300},
                                         Case{"ununun", 1, 2, Memory::store_buffers, 1000},
                                         Case{"uuonun", 1, 2, Memory::store_buffers, 1000},
                                         Case{"uuuunnnn", 1, 1, Memory::store_buffers, 100},
                                         Case{"uuuuuonun", 1, 1, Memory::in_order, 100},
                                         Case{"uunn", 2, 1, Memory::store_buffers, 1000},
                                         Case{"ultlno", 1, 2, Memory::in_order, 50}));

class ExplorerFinds : public LeakFree {};

TEST_F(ExplorerFinds, ATaskTakenTwiceWhenTheVersionComesFirst) {
    const Explored result =
        explore<Ring>(3, Memory::in_order, "uun", 1, &RunQueueTestPeer::bumps_before_it_takes);
    EXPECT_NE(result.complaint.find("came out 2 times"), std::string::npos) << result.complaint;
}

TEST_F(ExplorerFinds, ATaskTakenTwiceWithoutAVersion) {
    const Explored result =
        explore<Ring>(2, Memory::in_order, "un", 1, &RunQueueTestPeer::takes_without_a_word);
    EXPECT_NE(result.complaint.find("came out 2 times"), std::string::npos) << result.complaint;
}

}  // namespace
}  // namespace pilotfish::core
