// What the runtime costs, in nanoseconds: one row a line, medians of seven runs.
//
//     runtime_micro [--processors N] [--json] [ROW...]
//
// Rows on one processor are CPU time and repeat within 15 %; with two they are wall time: compare
// them with the hand-over of a cache line measured in the same run.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/runtime.h"
#include "core/sleep.h"
#include "core/stack_dump.h"
#include "core/task.h"

namespace pilotfish::core {
namespace {

// On one processor the thread's CPU time: what other programs take is not ours. Else the wall's.
bool by_cpu_time = false;

double now_ns() {
    if (!by_cpu_time) return static_cast<double>(monotonic_ns());
    timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) * 1e9 + static_cast<double>(used.tv_nsec);
}

long resident_bytes() {
    long pages = 0;
    long total = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &total, &pages) != 2) pages = 0;
        std::fclose(file);
    }
    return pages * sysconf(_SC_PAGESIZE);
}

struct Outcome {
    double value = 0;   // ns an operation
    double second = 0;  // of rows that measure two things
};

__attribute__((noinline)) Task<int> child(int n) { co_return n; }

Task<Outcome> row_child(int count) {
    int sum = 0;
    const double start = now_ns();
    for (int i = 0; i < count; ++i) sum += co_await child(i);
    const double took = now_ns() - start;
    if (sum == 42) std::puts("");
    co_return Outcome{took / count, 0};
}

Task<> nothing() { co_return; }

Task<Outcome> row_batches(int count) {
    const double start = now_ns();
    std::vector<JoinHandle<>> handles;
    handles.reserve(100);
    for (int batch = 0; batch < count / 100; ++batch) {
        for (int i = 0; i < 100; ++i) handles.push_back(spawn(nothing()));
        for (JoinHandle<>& handle : handles) co_await handle;
        handles.clear();
    }
    co_return Outcome{(now_ns() - start) / count, 0};
}

Task<Outcome> row_spawn_await(int count) {
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        JoinHandle<> handle = spawn(nothing());
        co_await handle;
    }
    co_return Outcome{(now_ns() - start) / count, 0};
}

Task<Outcome> row_flat(int count) {
    count = std::min(count, 1'000'000);
    std::vector<JoinHandle<>> handles;
    handles.reserve(static_cast<std::size_t>(count));
    const double start = now_ns();
    for (int i = 0; i < count; ++i) handles.push_back(spawn(nothing()));
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return Outcome{(now_ns() - start) / count, 0};
}

Task<> yields(int count) {
    for (int i = 0; i < count; ++i) co_await yield();
}

Task<Outcome> row_yield(int count) {
    const double start = now_ns();
    JoinHandle<> a = spawn(yields(count / 2));
    JoinHandle<> b = spawn(yields(count / 2));
    co_await a;
    co_await b;
    co_return Outcome{(now_ns() - start) / count, 0};
}

Task<> echoes(Channel<int>& in, Channel<int>& out) {
    while (Received<int> got = co_await in.receive()) out.post(*got.value);
}

Task<Outcome> row_ping_pong(int count) {
    Channel<int> there;
    Channel<int> back;
    JoinHandle<> echo = spawn(echoes(there, back));
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        there.post(i);
        (void)co_await back.receive();
    }
    const double took = now_ns() - start;
    there.close();
    co_await echo;
    co_return Outcome{took / count, 0};
}

Task<Outcome> row_buffered(int count) {
    Channel<int> channel;
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        channel.post(i);
        (void)co_await channel.receive();
    }
    co_return Outcome{(now_ns() - start) / count, 0};
}

Task<int> fib(int n) {
    if (n < 2) co_return n;
    JoinHandle<int> other = spawn(fib(n - 1));
    const int mine = co_await fib(n - 2);
    co_return mine + co_await other;
}

Task<Outcome> row_fib(int) {
    constexpr int kN = 24;
    const double start = now_ns();
    const int result = co_await fib(kN);
    const double took = now_ns() - start;
    if (result != 46368) std::abort();
    co_return Outcome{took / 75024, 0};  // forks of fib(24)
}

Task<long> skynet(long base, long size) {
    if (size == 1) co_return base;
    JoinHandle<long> parts[10];
    for (int i = 0; i < 10; ++i) parts[i] = spawn(skynet(base + i * (size / 10), size / 10));
    long sum = 0;
    for (JoinHandle<long>& part : parts) sum += co_await part;
    co_return sum;
}

Task<Outcome> row_skynet(int) {
    const double start = now_ns();
    const long sum = co_await skynet(0, 1'000'000);
    if (sum != 499999500000) std::abort();
    co_return Outcome{(now_ns() - start) / 1e6, 0};
}

Task<> parks(Channel<int>& never) { (void)co_await never.receive(); }

Task<Outcome> row_parked(int count) {
    count = std::min(count, 1'000'000);
    Channel<int> never;
    const long before = resident_bytes();
    const double start = now_ns();
    for (int i = 0; i < count; ++i) {
        spawn(parks(never)).detach();
        if (i % 100 == 99) co_await yield();
    }
    co_await yield();
    const double created = now_ns() - start;
    const double bytes = static_cast<double>(resident_bytes() - before) / count;
    never.close();
    while (runtime::num_tasks() > 1) co_await yield();
    co_return Outcome{created / count, bytes};
}

Task<Outcome> row_dump(int count) {
    count = std::min(count, 1'000'000);
    Channel<int> never;
    for (int i = 0; i < count; ++i) {
        spawn(parks(never)).detach();
        if (i % 100 == 99) co_await yield();
    }
    co_await yield();
    std::size_t bytes = 0;
    const double start = now_ns();
    write_stacks([&](std::string_view piece) {
        bytes += piece.size();
        return true;
    });
    const double took = now_ns() - start;
    never.close();
    while (runtime::num_tasks() > 1) co_await yield();
    co_return Outcome{took / count, static_cast<double>(bytes) / count};
}

Task<> naps(Duration delay) { co_await sleep_for(delay); }

Task<Outcome> row_sleepers(int count) {
    count = std::min(count, 1'000'000);
    const long before = resident_bytes();
    unsigned random = 12345;
    const std::clock_t cpu = std::clock();
    for (int i = 0; i < count; ++i) {
        random = random * 1664525 + 1013904223;
        spawn(naps(Duration(random % 1'000'000'000))).detach();
        if (i % 100 == 99) co_await yield();
    }
    co_await yield();
    const double bytes = static_cast<double>(resident_bytes() - before) / count;
    while (runtime::num_tasks() > 1) co_await sleep_for(std::chrono::milliseconds(1));
    co_return Outcome{static_cast<double>(std::clock() - cpu) * 1e9 / CLOCKS_PER_SEC / count,
                      bytes};
}

Task<Outcome> row_count(int count) {
    std::uint64_t sum = 0;
    const double start = now_ns();
    for (int i = 0; i < count; ++i) sum += runtime::num_tasks();
    const double took = now_ns() - start;
    if (sum == 42) std::puts("");
    co_return Outcome{took / count, 0};
}

Task<Outcome> row_stats(int count) {
    count = std::min(count, 10'000);
    std::uint64_t sum = 0;
    const double start = now_ns();
    for (int i = 0; i < count; ++i) sum += runtime::stats().spawned_total;
    const double took = now_ns() - start;
    if (sum == 42) std::puts("");
    co_return Outcome{took / count, 0};
}

struct Row {
    const char* name;
    const char* unit;
    const char* second_unit;
    Task<Outcome> (*run)(int count);
    int count;
    int runs;
    double target;
};

constexpr Row kRows[] = {
    {"child call", "ns", nullptr, row_child, 5'000'000, 7, 9},
    {"spawn and join, batches of 100", "ns", nullptr, row_batches, 2'000'000, 7, 33},
    {"spawn one, await it", "ns", nullptr, row_spawn_await, 2'000'000, 7, 40},
    {"spawn 1M, then join all", "ns", nullptr, row_flat, 1'000'000, 5, 60},
    {"fork-join fib", "ns", nullptr, row_fib, 1, 7, 35},
    {"skynet 1M", "ms", nullptr, row_skynet, 1, 5, 25},
    {"yield", "ns", nullptr, row_yield, 5'000'000, 7, 8},
    {"channel round trip", "ns", nullptr, row_ping_pong, 1'000'000, 7, 50},
    {"channel send and receive", "ns", nullptr, row_buffered, 2'000'000, 7, 15},
    {"create a parked task", "ns", "bytes", row_parked, 1'000'000, 3, 150},
    {"dump of 1M parked tasks, a task", "ns", "bytes of text", row_dump, 1'000'000, 3, 400},
    {"random sleep over 1 s, CPU", "ns", "bytes", row_sleepers, 1'000'000, 1, 800},
    {"live task count", "ns", nullptr, row_count, 10'000'000, 5, 3},
    {"statistics snapshot", "ns", nullptr, row_stats, 10'000, 5, 5000},
};

Task<int> measure(const Row& row, Outcome& out) {
    out = co_await row.run(row.count);
    co_return 0;
}

// Two threads pass a counter to and fro: what one cache line costs between the cores today.
double line_hand_over_ns() {
    constexpr int kRounds = 200'000;
    std::atomic<int> turn{0};
    std::thread other([&] {
        for (int i = 0; i < kRounds; ++i) {
            while (turn.load(std::memory_order_acquire) != 2 * i + 1) cpu_relax();
            turn.store(2 * i + 2, std::memory_order_release);
        }
    });
    const double start = now_ns();
    for (int i = 0; i < kRounds; ++i) {
        turn.store(2 * i + 1, std::memory_order_release);
        while (turn.load(std::memory_order_acquire) != 2 * i + 2) cpu_relax();
    }
    const double took = now_ns() - start;
    other.join();
    return took / (2 * kRounds);
}

double start_up_us() {
    std::vector<double> times;
    for (int i = 0; i < 200; ++i) {
        const double start = now_ns();
        {
            Runtime runtime;
            struct Body {
                static Task<int> main() { co_return 0; }
            };
            if (runtime.run(Body::main()) != 0) std::abort();
        }
        times.push_back((now_ns() - start) / 1000);
    }
    std::sort(times.begin(), times.end());
    return times[times.size() / 2];
}

int run_rows(int processors, bool json, const std::vector<std::string>& wanted) {
    if (wanted.empty() && !json) {
        std::printf("runtime, start to end: %.1f us\n", start_up_us());
        if (processors > 1) std::printf("cache line hand-over: %.0f ns\n", line_hand_over_ns());
    }
    by_cpu_time = processors == 1;
    const char* separator = "[";
    for (const Row& row : kRows) {
        if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), row.name) == wanted.end())
            continue;
        std::vector<double> values;
        double second = 0;
        for (int i = 0; i < row.runs; ++i) {
            Runtime runtime({.processors = processors});
            Outcome out;
            runtime.run(measure(row, out));
            values.push_back(out.value);
            if (i == 0) second = out.second;  // later runs find the memory already resident
        }
        std::sort(values.begin(), values.end());
        const double median = values[values.size() / 2];
        if (json) {
            std::printf("%s{\"row\":\"%s\",\"unit\":\"%s\",\"ours\":%.2f,\"target\":%.0f}",
                        separator, row.name, row.unit, median, row.target);
            separator = ",\n ";
            continue;
        }
        std::printf("%-34s %8.1f %-3s (best %.1f, target %.0f)", row.name, median, row.unit,
                    values.front(), row.target);
        if (row.second_unit) std::printf("  %.0f %s", second, row.second_unit);
        std::printf("\n");
        std::fflush(stdout);
    }
    if (json) std::printf("]\n");
    return 0;
}

}  // namespace
}  // namespace pilotfish::core

int main(int argc, char** argv) {
    int processors = 1;
    bool json = false;
    std::vector<std::string> wanted;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--processors") == 0 && i + 1 < argc)
            processors = std::atoi(argv[++i]);
        else if (std::strcmp(argv[i], "--json") == 0)
            json = true;
        else
            wanted.emplace_back(argv[i]);
    }
    return pilotfish::core::run_rows(processors, json, wanted);
}
