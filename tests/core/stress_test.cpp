// Properties of the scheduler as a whole under random load, at several processor counts, with more
// threads than cores. The seed of a failure replays it.
#include <algorithm>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/scheduler.h"
#include "core/sleep.h"
#include "core/stack_census.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {
namespace {

using namespace std::chrono_literals;

class Processors : public LeakFree, public testing::WithParamInterface<int> {};

struct Storm {
    std::atomic<std::uint64_t> ran{0};
    Channel<int> numbers;
    std::atomic<std::int64_t> sent{0};
    std::atomic<std::int64_t> received{0};
};

// A random tree of tasks that do everything a task can do.
Task<int> node(Storm& storm, std::uint64_t seed, int depth) {
    std::mt19937_64 random(seed);
    int made = 1;
    std::vector<JoinHandle<int>> children;
    const int actions = 3 + static_cast<int>(random() % 5);
    for (int i = 0; i < actions; ++i) {
        switch (random() % 8) {
            case 0:
            case 1:
            case 2:
                if (depth > 0) children.push_back(spawn(node(storm, random(), depth - 1)));
                break;
            case 3: co_await yield(); break;
            case 4: {
                const auto delay = std::chrono::microseconds(random() % 200);
                co_await sleep_for(delay);
                break;
            }
            case 5:
                storm.sent.fetch_add(1);
                storm.numbers.post(1);
                break;
            case 6: {
                const TimePoint deadline =
                    runtime_now() + std::chrono::microseconds(random() % 100);
                Received<int> got = co_await storm.numbers.receive(deadline);
                if (got) storm.received.fetch_add(1);
                break;
            }
            case 7:
                if (!children.empty()) {
                    made += co_await children.back();
                    children.pop_back();
                }
                break;
        }
    }
    for (JoinHandle<int>& child : children) {
        if (random() % 4 == 0) co_await yield();
        made += co_await child;
    }
    storm.ran.fetch_add(1);
    co_return made;
}

Task<int> weathers(Storm& storm, std::uint64_t seed, int trees) {
    std::mt19937_64 random(seed);
    std::uint64_t made = 0;
    for (int tree = 0; tree < trees; ++tree) {
        JoinHandle<int> root = spawn(node(storm, random(), 6));
        made += static_cast<std::uint64_t>(co_await root);
    }
    EXPECT_EQ(storm.ran.load(), made) << "each task ran exactly once";
    while (storm.numbers.size() > 0) {
        (void)co_await storm.numbers.receive();
        storm.received.fetch_add(1);
    }
    EXPECT_EQ(storm.sent.load(), storm.received.load()) << "each message was received exactly once";
    EXPECT_EQ(runtime::num_tasks(), 1U);
    const runtime::RuntimeStats stats = runtime::stats();
    EXPECT_EQ(stats.spawned_total, made + 1);
    EXPECT_EQ(stats.finished_total, made);
    co_return 0;
}

// Another thread that changes the number of processors all the time, up to `most`.
class Resizing {
  public:
    Resizing(int most, std::uint64_t seed)
        : thread_([this, most, seed] {
              std::mt19937_64 sizes(seed);
              while (!done_.load()) {
                  runtime::max_procs(1 + static_cast<int>(sizes() % static_cast<unsigned>(most)));
                  std::this_thread::yield();
              }
          }) {}
    ~Resizing() {
        done_ = true;
        thread_.join();
    }

  private:
    std::atomic<bool> done_{false};
    std::thread thread_;
};

TEST_P(Processors, RunEveryTaskOfARandomTreeOnce) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    EXPECT_EQ(runtime.run(weathers(storm, random(), 40 / kSlowdown)), 0);
}

TEST_P(Processors, AreChangedAtRandomUnderLoadWithoutLosingATask) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    const Resizing resizing(GetParam(), random());
    EXPECT_EQ(runtime.run(weathers(storm, random(), 40 / kSlowdown)), 0);
}

Task<int> weathers_until_seen(Storm& storm, std::uint64_t seed, int trees,
                              const std::atomic<std::size_t>& bytes) {
    const int left = co_await weathers(storm, seed, trees);
    while (bytes.load() == 0) co_await yield();
    co_return left;
}

TEST_P(Processors, AreDumpedAndCountedWhileTasksRun) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    Storm storm;
    std::atomic<bool> done{false};
    std::atomic<std::size_t> bytes{0};
    std::thread reader([&] {
        while (!done.load()) {
            bytes += runtime::stack(true).size() + grouped_stacks().size();
            const runtime::RuntimeStats stats = runtime::stats(runtime::Detail::with_states);
            EXPECT_LE(stats.finished_total, stats.spawned_total);
            (void)runtime::scheduler_stall(runtime_now());
        }
    });
    EXPECT_EQ(runtime.run(weathers_until_seen(storm, random(), 20 / kSlowdown, bytes)), 0);
    done = true;
    reader.join();
}

Task<> counts(std::atomic<int>& ran) {
    ran.fetch_add(1, std::memory_order_relaxed);
    co_return;
}

Task<int> spawns_flat(int count) {
    std::atomic<int> ran{0};
    std::vector<JoinHandle<>> handles;
    for (int i = 0; i < count; ++i) handles.push_back(spawn(counts(ran)));
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return ran.load();
}

TEST_P(Processors, RunManyMoreTasksThanTheirQueuesHold) {
    Runtime runtime(eager(GetParam()));
    EXPECT_EQ(runtime.run(spawns_flat(100'000 / kSlowdown)), 100'000 / kSlowdown);
}

// A tree whose forks are joined in random order, some of them behind a yield.
Task<std::uint64_t> forks(std::uint64_t seed, int depth) {
    if (depth == 0) co_return 1;
    std::mt19937_64 random(seed);
    std::vector<JoinHandle<std::uint64_t>> parts;
    const int fan = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < fan; ++i) parts.push_back(spawn(forks(random(), depth - 1)));
    std::shuffle(parts.begin(), parts.end(), random);
    std::uint64_t sum = 1;
    for (JoinHandle<std::uint64_t>& part : parts) {
        if (random() % 16 == 0) co_await yield();
        sum += co_await part;
    }
    co_return sum;
}

Task<int> forks_whole_trees(std::uint64_t seed, int trees) {
    std::mt19937_64 random(seed);
    std::uint64_t nodes = 0;
    std::vector<JoinHandle<std::uint64_t>> roots;
    for (int i = 0; i < trees; ++i) roots.push_back(spawn(forks(random(), 8)));
    for (JoinHandle<std::uint64_t>& root : roots) nodes += co_await root;
    const runtime::RuntimeStats stats = runtime::stats();
    EXPECT_EQ(stats.spawned_total, nodes + 1);
    EXPECT_EQ(stats.finished_total, nodes);
    co_return 0;
}

TEST_P(Processors, CountEveryNodeOfAForkJoinTree) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    EXPECT_EQ(runtime.run(forks_whole_trees(random(), 20 / kSlowdown)), 0);
}

TEST_P(Processors, AreChangedAtRandomUnderForkJoin) {
    PF_SEEDED(random);
    Runtime runtime(eager(GetParam()));
    const Resizing resizing(GetParam(), random());
    EXPECT_EQ(runtime.run(forks_whole_trees(random(), 20 / kSlowdown)), 0);
}

INSTANTIATE_TEST_SUITE_P(Of, Processors, testing::Values(1, 2, 8, 64));

}  // namespace
}  // namespace pilotfish::core
