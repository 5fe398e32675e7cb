// Tasks that several tests of the scheduler need.
#pragma once

#include <atomic>
#include <chrono>

#include "core/sleep.h"
#include "core/task.h"
#include "tests/core/runtime_fixture.h"

namespace pilotfish::core {

inline Task<> hops(std::atomic<bool>& stop, std::atomic<int>& ended) {
    while (!stop.load(std::memory_order_relaxed)) co_await yield();
    ended.fetch_add(1);
}

// Waits, in steps, until the machine count that runs is as expected.
inline Task<bool> settles(int processors) {
    const TimePoint patience = runtime_now() + std::chrono::seconds(20);
    for (;;) {
        const runtime::RuntimeStats stats = runtime::stats();
        if (stats.processors - stats.processors_idle == processors) co_return true;
        if (runtime_now() > patience) co_return false;
        co_await yield();
    }
}

inline Task<> sleeps_then_counts(Duration delay, std::atomic<int>& woke) {
    co_await sleep_for(delay);
    woke.fetch_add(1);
}

inline Task<> sets(std::atomic<bool>& flag) {
    flag = true;
    co_return;
}

}  // namespace pilotfish::core
