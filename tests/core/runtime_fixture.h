// What every test of the runtime stands on: nothing may leak, and what is random can be replayed.
#pragma once

#include <dirent.h>
#include <gtest/gtest.h>
#include <sched.h>

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "core/frame_pool.h"
#include "core/runtime.h"

namespace pilotfish::core {

inline int entries_of(const char* directory) {
    int count = 0;
    DIR* dir = opendir(directory);
    while (dir && readdir(dir)) ++count;
    if (dir) closedir(dir);
    return count;
}

// Frames, descriptors and threads are the same before and after each test.
class LeakFree : public testing::Test {
  protected:
    void SetUp() override {
        // The thread sanitizer starts a thread of its own beside the first one of ours.
        static const bool started = [] {
            std::thread([] {}).join();
            return true;
        }();
        ASSERT_TRUE(started);
        frames_ = FramePool::held_bytes();
        descriptors_ = entries_of("/proc/self/fd");
        threads_ = entries_of("/proc/self/task");
    }
    void TearDown() override {
        EXPECT_EQ(FramePool::held_bytes(), frames_) << "coroutine frames or task records leaked";
        EXPECT_EQ(entries_of("/proc/self/fd"), descriptors_) << "descriptors leaked";
        settle_threads(threads_);
        EXPECT_LE(entries_of("/proc/self/task"), threads_) << "threads leaked";
    }

  private:
    // A joined thread leaves /proc a moment after the join.
    static void settle_threads(int most) {
        const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (entries_of("/proc/self/task") > most && std::chrono::steady_clock::now() < patience)
            sched_yield();
    }

    std::int64_t frames_ = 0;
    int descriptors_ = 0;
    int threads_ = 0;
};

// Random, printed with each failure, replayed by PILOTFISH_TEST_SEED.
inline std::uint64_t test_seed() {
    static const std::uint64_t seed = [] {
        const char* given = std::getenv("PILOTFISH_TEST_SEED");
        return given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
    }();
    return seed;
}
#define PF_SEEDED(random)                \
    std::mt19937_64 random(test_seed()); \
    SCOPED_TRACE("replay with PILOTFISH_TEST_SEED=" + std::to_string(test_seed()))

// Troubles other cores at every chance: what production avoids is what a stress test wants.
inline RuntimeOptions eager(int processors) {
    RuntimeOptions options;
    options.processors = processors;
    options.backlog_to_wake = std::chrono::nanoseconds(0);
    options.backlog_to_start_thread = std::chrono::nanoseconds(0);
    return options;
}

// Sanitizers are 5 to 20 times slower: they get a part of the rounds.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int kSlowdown = 10;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr int kSlowdown = 10;
#else
inline constexpr int kSlowdown = 1;
#endif
#else
inline constexpr int kSlowdown = 1;
#endif

}  // namespace pilotfish::core
