// Rows of tasks: call, spawn, join, fork-join, yield.
#include <cstdlib>
#include <vector>

#include "core/runtime.h"
#include "core/task.h"
#include "tests/bench/runtime_micro/bench.h"
#include "tests/bench/runtime_micro/floors.h"

namespace pilotfish::bench {
namespace {

using core::JoinHandle;
using core::spawn;
using core::Task;

__attribute__((noinline)) Task<int> child(int n) { co_return n; }

Task<Values> child_calls() {
    constexpr int kCount = 1'000'000;
    int sum = 0;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) sum += co_await child(i & 1);
    const double took = now_ns() - begin;
    if (sum != kCount / 2) std::abort();
    co_return Values{Value{took / kCount, bare_child_ns()}};
}

Task<> nothing() { co_return; }

Task<Values> batches() {
    constexpr int kCount = 500'000;
    std::vector<JoinHandle<>> handles;
    handles.reserve(100);
    const double begin = now_ns();
    for (int batch = 0; batch < kCount / 100; ++batch) {
        for (int i = 0; i < 100; ++i) handles.push_back(spawn(nothing()));
        for (JoinHandle<>& handle : handles) co_await handle;
        handles.clear();
    }
    co_return Values{Value{(now_ns() - begin) / kCount}};
}

Task<Values> spawn_await() {
    constexpr int kCount = 500'000;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        JoinHandle<> handle = spawn(nothing());
        co_await handle;
    }
    co_return Values{Value{(now_ns() - begin) / kCount}};
}

Task<Values> flat() {
    constexpr int kCount = 1'000'000;
    std::vector<JoinHandle<>> handles;
    handles.reserve(kCount);
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) handles.push_back(spawn(nothing()));
    for (JoinHandle<>& handle : handles) co_await handle;
    co_return Values{Value{(now_ns() - begin) / kCount}};
}

Task<int> fib(int n) {
    if (n < 2) co_return n;
    JoinHandle<int> other = spawn(fib(n - 1));
    const int mine = co_await fib(n - 2);
    co_return mine + co_await other;
}

Task<Values> fork_join() {
    const double begin = now_ns();
    const int result = co_await fib(27);
    const double took = now_ns() - begin;
    if (result != 196418) std::abort();
    co_return Values{Value{took / 317'810}};  // the forks of fib(27)
}

Task<long> sky(long base, long size) {
    if (size == 1) co_return base;
    JoinHandle<long> parts[10];
    for (int i = 0; i < 10; ++i) parts[i] = spawn(sky(base + i * (size / 10), size / 10));
    long sum = 0;
    for (JoinHandle<long>& part : parts) sum += co_await part;
    co_return sum;
}

Task<Values> skynet() {
    const double begin = now_ns();
    const long sum = co_await sky(0, 1'000'000);
    const double took = now_ns() - begin;
    if (sum != 499999500000) std::abort();
    co_return Values{Value{took / 1e6}};
}

Task<> some_yields(int count) {
    for (int i = 0; i < count; ++i) co_await core::yield();
}

Task<Values> yields() {
    constexpr int kCount = 2'000'000;
    const double begin = now_ns();
    JoinHandle<> a = spawn(some_yields(kCount / 2));
    JoinHandle<> b = spawn(some_yields(kCount / 2));
    co_await a;
    co_await b;
    const double took = now_ns() - begin;
    co_return Values{Value{took / kCount, bare_switch_ns()}};
}

const Register kRows[] = {
    Register{{.metrics = {{"child call", "ns"}}, .once = child_calls}},
    Register{{.metrics = {{"spawn and join, batches of 100", "ns"}}, .once = batches}},
    Register{{.metrics = {{"spawn one, await it", "ns"}}, .once = spawn_await}},
    Register{{.metrics = {{"spawn 1M, then join all, a task", "ns"}}, .once = flat, .runs = 1}},
    Register{{.metrics = {{"fork-join fib, a fork", "ns"}}, .once = fork_join}},
    Register{{.metrics = {{"skynet 1M", "ms"}}, .once = skynet, .runs = 1}},
    Register{{.metrics = {{"yield, a switch", "ns"}}, .once = yields}},
};

}  // namespace
}  // namespace pilotfish::bench
