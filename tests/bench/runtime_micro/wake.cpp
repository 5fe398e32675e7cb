// Rows of waking a thread, and of changing how many there are.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/runtime.h"
#include "core/spin_lock.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"
#include "tests/bench/runtime_micro/floors.h"

namespace pilotfish::bench {
namespace {

using core::Channel;
using core::JoinHandle;
using core::spawn;
using core::Task;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// An outside thread sends to a task that has waited for the time of pause, and then stays busy for
// a while, so that the woken one starts elsewhere. Without a pause: 5 us after it went to wait,
// when a worker that spins before it sleeps would still spin.
Task<Latency> wakes(microseconds pause) {
    constexpr int kTimes = 1000;
    Channel<double> channel;
    std::atomic<int> heard{0};
    std::thread sender([&] {
        for (int i = 0; i < kTimes; ++i) {
            while (heard.load(std::memory_order_acquire) < i) core::cpu_relax();
            if (pause.count() > 0)
                std::this_thread::sleep_for(pause);
            else
                spin_ns(5e3);
            channel.post(wall_ns());
            spin_ns(100e3);
        }
        channel.close();
    });
    std::vector<double> took_us;
    while (core::Received<double> got = co_await channel.receive()) {
        took_us.push_back((wall_ns() - *got.value) / 1e3);
        heard.fetch_add(1, std::memory_order_release);
    }
    sender.join();
    co_return Latency{part(took_us, 50), part(took_us, 99)};
}

Task<Values> wake_parked() {
    const Latency floor = futex_wake();
    const Latency ours = co_await wakes(microseconds(200));
    co_return Values{Value{ours.p50_us, floor.p50_us}, Value{ours.p99_us, floor.p99_us}};
}

Task<Values> wake_spinning() {
    const double floor_us = line_hand_over_ns() / 1e3;
    const Latency ours = co_await wakes(microseconds(0));
    co_return Values{Value{ours.p50_us, floor_us}};
}

// When each thread last ran a step of a task.
struct alignas(64) Stamp {
    std::atomic<double> last_ns{0};
};
Stamp stamps[64];
std::atomic<unsigned> threads_seen{0};

// Not inlined: a coroutine may go on in another thread.
__attribute__((noinline)) void stamp() {
    thread_local Stamp& mine = stamps[threads_seen.fetch_add(1) % std::size(stamps)];
    mine.last_ns.store(wall_ns(), std::memory_order_relaxed);
}

// The time of the thread's last step that ran most lately, and of the second.
std::array<double, 2> latest_steps() {
    std::array<double, 2> latest{};
    for (const Stamp& one : stamps) {
        const double at = one.last_ns.load(std::memory_order_relaxed);
        if (at > latest[0])
            latest = {at, latest[0]};
        else
            latest[1] = std::max(latest[1], at);
    }
    return latest;
}

Task<> works(const std::atomic<bool>& over, long& steps) {
    while (!over.load(std::memory_order_relaxed)) {
        spin_ns(1e3);
        stamp();
        ++steps;
        co_await core::yield();
    }
}

struct Resized {
    double fewer_us;
    double more_us;
};

// Changes the number from an outside thread while all processors are busy.
Resized resize_under_load() {
    std::vector<double> fewer_us;
    std::vector<double> more_us;
    std::this_thread::sleep_for(milliseconds(50));  // until the second thread was made
    for (int i = 0; i < 50; ++i) {
        double begin = wall_ns();
        runtime::max_procs(1);
        std::this_thread::sleep_for(milliseconds(3));
        const std::array<double, 2> latest = latest_steps();
        fewer_us.push_back(std::max(0.0, latest[1] - begin) / 1e3);

        begin = wall_ns();
        runtime::max_procs(2);
        double second = 0;
        while ((second = latest_steps()[1]) < begin) {
            if (wall_ns() > begin + 1e9) std::abort();
            std::this_thread::sleep_for(microseconds(100));  // the CPU is the second thread's
        }
        more_us.push_back((second - begin) / 1e3);
        std::this_thread::sleep_for(milliseconds(3));
    }
    return {part(fewer_us, 50), part(more_us, 50)};
}

Task<Values> resize() {
    constexpr int kTasks = 64;
    std::atomic<bool> over{false};
    long steps[kTasks] = {};
    JoinHandle<> handles[kTasks];
    for (int i = 0; i < kTasks; ++i) handles[i] = spawn(works(over, steps[i]));
    Resized took{};
    std::thread control([&] {
        took = resize_under_load();
        over.store(true);
    });
    for (JoinHandle<>& handle : handles) co_await handle;
    control.join();
    // Nothing lost: every task kept its turn. A task lost in between would not have been joined.
    const auto [least, most] = std::minmax_element(std::begin(steps), std::end(steps));
    if (*least < *most / 20) std::abort();
    co_return Values{Value{took.fewer_us}, Value{took.more_us, futex_wake().p50_us}};
}

const Register kRows[] = {
    Register{{.metrics = {{"wake of a parked thread, p50", "µs"},
                          {"wake of a parked thread, p99", "µs"}},
              .once = wake_parked,
              .runs = 1,
              .warm_up = false}},
    Register{{.metrics = {{"wake while a worker spins, p50", "µs"}},
              .once = wake_spinning,
              .runs = 1,
              .warm_up = false}},
    Register{
        {.metrics = {{"max_procs 2 to 1 under load", "µs"}, {"max_procs 1 to 2 under load", "µs"}},
         .once = resize,
         .runs = 1,
         .warm_up = false,
         .from = 2}},
};

}  // namespace
}  // namespace pilotfish::bench
