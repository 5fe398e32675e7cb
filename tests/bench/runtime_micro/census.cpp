// Rows of what tasks cost while they wait, and of looking at them.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "core/stack_dump.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"

namespace pilotfish::bench {
namespace {

using core::Channel;
using core::JoinHandle;
using core::spawn;
using core::Task;

constexpr int kMillion = 1'000'000;

Task<> parks(Channel<int>& never) { (void)co_await never.receive(); }

Task<> park(Channel<int>& never, int count) {
    for (int i = 0; i < count; ++i) {
        spawn(parks(never)).detach();
        if (i % 100 == 99) co_await core::yield();
    }
    co_await core::yield();
}

Task<Values> parked() {
    Channel<int> never;
    const double before = resident_bytes();
    const double begin = now_ns();
    co_await park(never, kMillion);
    const double seconds = (now_ns() - begin) / 1e9;
    const double bytes = (resident_bytes() - before) / kMillion;
    never.close();
    co_await alone();
    co_return Values{Value{bytes}, Value{seconds}};
}

Task<> naps(core::Duration delay) { co_await core::sleep_for(delay); }

Task<Values> sleeping() {
    const double before = resident_bytes();
    for (int i = 0; i < kMillion; ++i) {
        spawn(naps(std::chrono::hours(1))).detach();
        if (i % 100 == 99) co_await core::yield();
    }
    co_await core::yield();
    co_return Values{Value{(resident_bytes() - before) / kMillion}};
}

Task<Values> random_sleeps() {
    std::minstd_rand random(12345);
    const double begin_wall = wall_ns();
    const double begin_cpu = cpu_ns();
    for (int i = 0; i < kMillion; ++i) {
        spawn(naps(core::Duration(random() % 1'000'000'000))).detach();
        if (i % 100 == 99) co_await core::yield();
    }
    while (runtime::num_tasks() > 1) co_await core::sleep_for(std::chrono::milliseconds(1));
    co_return Values{Value{(cpu_ns() - begin_cpu) / 1e9}, Value{(wall_ns() - begin_wall) / 1e9}};
}

Task<Values> count() {
    constexpr int kTimes = 10'000'000;
    std::uint64_t sum = 0;
    const double begin = now_ns();
    for (int i = 0; i < kTimes; ++i) sum += runtime::num_tasks();
    const double took = now_ns() - begin;
    if (sum < kTimes) std::abort();
    co_return Values{Value{took / kTimes}};
}

Task<Values> statistics() {
    constexpr int kTimes = 20'000;
    std::uint64_t sum = 0;
    const double begin = now_ns();
    for (int i = 0; i < kTimes; ++i) sum += runtime::stats().spawned_total;
    const double took = now_ns() - begin;
    if (sum < kTimes) std::abort();
    co_return Values{Value{took / kTimes / 1e3}};
}

Task<> nothing() { co_return; }

// A task that could always run, and that takes its turn in the census, looks for the longest time
// it did not.
Task<double> longest_gap_us(std::atomic<bool>& over) {
    double longest = 0;
    double last = wall_ns();
    while (!over.load(std::memory_order_relaxed)) {
        JoinHandle<> other = spawn(nothing());
        co_await other;
        const double at = wall_ns();
        longest = std::max(longest, at - last);
        last = at;
    }
    co_return longest / 1e3;
}

double dump_ms() {
    std::size_t bytes = 0;
    const double begin = thread_now_ns();
    core::write_stacks([&](std::string_view piece) {
        bytes += piece.size();
        return true;
    });
    const double took = thread_now_ns() - begin;
    if (bytes < 100 * static_cast<std::size_t>(kMillion)) std::abort();
    return took / 1e6;
}

// The least of three longest gaps: a pause that the dump makes is in all of them, those that the
// kernel's scheduler and other programs make are not. Beside it the same without a dump, but with
// an outside thread as busy.
Task<Values> dump() {
    Channel<int> never;
    co_await park(never, kMillion);
    std::vector<double> took_ms;
    std::vector<double> pauses_us;
    std::vector<double> pauses_without_us;
    for (int i = 0; i < 3; ++i) {
        std::atomic<bool> dumped{false};
        std::thread dumper([&] {
            took_ms.push_back(dump_ms());
            dumped.store(true);
        });
        const double pause_us = co_await longest_gap_us(dumped);
        pauses_us.push_back(pause_us);
        dumper.join();
        std::atomic<bool> spun{false};
        std::thread spinner([&] {
            spin_ns(took_ms.back() * 1e6);
            spun.store(true);
        });
        const double pause_without_us = co_await longest_gap_us(spun);
        pauses_without_us.push_back(pause_without_us);
        spinner.join();
    }
    never.close();
    co_await alone();
    const Value pause{part(pauses_us, 0), part(pauses_without_us, 0)};
    co_return Values{Value{part(took_ms, 50)}, pause};
}

const Register kRows[] = {
    // Once: later runs find the memory already resident.
    Register{{.metrics = {{"bytes per parked task", "B"}, {"create 1M parked tasks", "s"}},
              .once = parked,
              .runs = 1,
              .warm_up = false}},
    Register{{.metrics = {{"bytes per sleeping task", "B"}},
              .once = sleeping,
              .runs = 1,
              .warm_up = false}},
    Register{{.metrics = {{"1M random sleeps over 1 s, CPU", "s"},
                          {"1M random sleeps over 1 s, wall", "s"}},
              .once = random_sleeps,
              .runs = 1,
              .warm_up = false}},
    Register{{.metrics = {{"live task count", "ns"}}, .once = count}},
    Register{{.metrics = {{"statistics snapshot", "µs"}}, .once = statistics}},
    Register{{.metrics = {{"dump of 1M parked tasks, total", "ms"},
                          {"dump of 1M parked tasks, longest pause of any task", "µs"}},
              .once = dump,
              .runs = 1,
              .warm_up = false}},
};

}  // namespace
}  // namespace pilotfish::bench
