#include "tests/bench/runtime_micro/floors.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <thread>
#include <vector>

#include "core/spin_lock.h"
#include "tests/bench/runtime_micro/bench.h"

namespace pilotfish::bench {
namespace {

// The least that can be called a coroutine.
struct Bare {
    struct promise_type {
        static inline void* free_frame = nullptr;  // one size: one frame a kind is in use at a time
        static inline std::size_t free_bytes = 0;

        static void* operator new(std::size_t bytes) {
            if (free_frame && free_bytes == bytes) {
                void* frame = free_frame;
                free_frame = *static_cast<void**>(frame);
                return frame;
            }
            return std::malloc(bytes);
        }
        static void operator delete(void* frame, std::size_t bytes) noexcept {
            if (free_frame && free_bytes != bytes) return std::free(frame);
            *static_cast<void**>(frame) = free_frame;
            free_frame = frame;
            free_bytes = bytes;
        }
        Bare get_return_object() {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_always initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_value(int n) noexcept { value = n; }
        [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
        int value = 0;
    };
    std::coroutine_handle<promise_type> frame;
};

__attribute__((noinline)) Bare bare_child(int n) { co_return n; }

Bare bare_loop() {
    for (;;) co_await std::suspend_always{};
    co_return 0;
}

void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
    syscall(SYS_futex, &word, operation, value, nullptr, nullptr, 0);
}

}  // namespace

double bare_child_ns() {
    constexpr int kCount = 1'000'000;
    int sum = 0;
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        const Bare child = bare_child(i & 1);
        child.frame.resume();
        sum += child.frame.promise().value;
        child.frame.destroy();
    }
    const double took = now_ns() - begin;
    if (sum != kCount / 2) std::abort();
    return took / kCount;
}

double bare_switch_ns() {
    constexpr int kCount = 2'000'000;
    const Bare tasks[] = {bare_loop(), bare_loop()};
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) tasks[i & 1].frame.resume();
    const double took = now_ns() - begin;
    for (const Bare& task : tasks) task.frame.destroy();
    return took / kCount;
}

double bare_lock_ns() {
    constexpr int kCount = 1'000'000;
    std::atomic<int> word{0};
    const double begin = now_ns();
    for (int i = 0; i < kCount; ++i) {
        int open = 0;
        word.compare_exchange_strong(open, 1, std::memory_order_acquire);
        word.exchange(0, std::memory_order_release);
    }
    return (now_ns() - begin) / kCount;
}

double line_hand_over_ns() {
    constexpr int kRounds = 100'000;
    alignas(64) std::atomic<int> turn{0};
    std::thread other([&] {
        for (int i = 0; i < kRounds; ++i) {
            while (turn.load(std::memory_order_acquire) != 2 * i + 1) core::cpu_relax();
            turn.store(2 * i + 2, std::memory_order_release);
        }
    });
    const double begin = wall_ns();
    for (int i = 0; i < kRounds; ++i) {
        turn.store(2 * i + 1, std::memory_order_release);
        while (turn.load(std::memory_order_acquire) != 2 * i + 2) core::cpu_relax();
    }
    const double took = wall_ns() - begin;
    other.join();
    return took / (2 * kRounds);
}

Latency futex_wake() {
    constexpr std::uint32_t kTimes = 1000;
    std::atomic<std::uint32_t> sent{0};
    std::atomic<double> sent_ns{0};
    std::atomic<std::uint32_t> heard{0};
    std::vector<double> took_us;
    std::thread sleeper([&] {
        for (std::uint32_t i = 0; i < kTimes; ++i) {
            while (sent.load(std::memory_order_acquire) == i) futex(sent, FUTEX_WAIT_PRIVATE, i);
            took_us.push_back((wall_ns() - sent_ns.load()) / 1e3);
            heard.store(i + 1, std::memory_order_release);
        }
    });
    for (std::uint32_t i = 0; i < kTimes; ++i) {
        while (heard.load(std::memory_order_acquire) < i) core::cpu_relax();
        std::this_thread::sleep_for(std::chrono::microseconds(200));
        sent_ns.store(wall_ns());
        sent.store(i + 1, std::memory_order_release);
        futex(sent, FUTEX_WAKE_PRIVATE, 1);
        spin_ns(100e3);
    }
    sleeper.join();
    return {part(took_us, 50), part(took_us, 99)};
}

}  // namespace pilotfish::bench
