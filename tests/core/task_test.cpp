#include "core/task.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/runtime.h"
#include "core/sleep.h"

namespace pilotfish::core {
namespace {

Task<int> add(int a, int b) { co_return a + b; }

Task<int> chain(int depth) {
    if (depth == 0) co_return 0;
    const int below = co_await chain(depth - 1);
    co_return below + 1;
}

TEST(Task, ReturnsItsValueToTheAwaiter) {
    Runtime runtime({.processors = 1});
    auto main = []() -> Task<int> { co_return co_await add(2, 3); };
    EXPECT_EQ(runtime.run(main()), 5);
}

TEST(Task, CarriesAMillionSynchronousChildrenDeep) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(chain(1'000'000)), 1'000'000);
}

Task<int> spawns_and_joins() {
    int sum = 0;
    for (int i = 0; i < 1000; ++i) {
        JoinHandle<int> handle = spawn(add(i, 1));
        sum += co_await handle;
    }
    co_return sum;
}

TEST(Spawn, JoinGivesTheResult) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(spawns_and_joins()), 500500);
}

Task<int> sleeps() {
    const TimePoint start = runtime_now();
    co_await sleep_for(std::chrono::milliseconds(5));
    co_return runtime_now() - start >= std::chrono::milliseconds(5) ? 0 : 1;
}

TEST(Sleep, LastsAtLeastAsLongAsAsked) {
    Runtime runtime({.processors = 1});
    EXPECT_EQ(runtime.run(sleeps()), 0);
}

}  // namespace
}  // namespace pilotfish::core
