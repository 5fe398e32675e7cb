// What the storms over the synchronisation have in common: tasks that are cancelled at random, by a
// task and by an outside thread, while they work; and that all end.
#pragma once

#include <random>
#include <thread>
#include <vector>

#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {

using Random = std::mt19937_64;

// A moment of up to 50 us from now: it passes while the storm goes on.
inline Deadline soon(Random& random) {
    return deadline_after(runtime_now(), Duration(random() % 50'000));
}

// Cancels some of the tasks, here and there, then all of them, and joins them.
inline Task<> cancel_at_random(std::vector<JoinHandle<>>& tasks, Random& random) {
    const std::size_t count = tasks.size();
    for (std::size_t i = 0; i < count / 2; ++i) {
        if (random() % 2) co_await yield();
        if (random() % 4 == 0) co_await sleep_for(Duration(random() % 20'000));
        tasks[random() % count].cancel();
    }
    std::thread outside([&tasks, seed = random()] {
        Random other(seed);
        for (std::size_t i = 0; i < tasks.size(); ++i) tasks[other() % tasks.size()].cancel();
        for (JoinHandle<>& task : tasks) task.cancel();
    });
    for (std::size_t i = 0; i < count / 4; ++i) {
        tasks[random() % count].cancel();
        co_await yield();
    }
    outside.join();
    for (JoinHandle<>& task : tasks) co_await task;
}

// Runs the storm, Task<int> storm(Random&, int rounds), on one and on more processors than there
// are.
template <class Storm>
void run_storm(Storm storm, int rounds) {
    PF_SEEDED(random);
    for (const int processors : {1, 2, 8, 64}) {
        SCOPED_TRACE(processors);
        Runtime runtime(eager(processors));
        EXPECT_EQ(runtime.run(storm(random, std::max(1, rounds / kSlowdown))), 0);
    }
}

// Lets the tasks that a test has made or woken run until they wait. For one processor.
inline Task<> settle() {
    for (int i = 0; i < 4; ++i) co_await yield();
}

}  // namespace pilotfish::core
