// Threads for calls that block: as many as are needed at once, up to a bound, each gone after a
// time without work.
//
// Thread-safety: any thread. Owns its threads, not the jobs. Blocks: drain() until running calls
// end. Fails: when no thread can be made and none exists, the call runs on the caller's thread.
#pragma once

#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace pilotfish::core {

struct BlockingJob {
    BlockingJob* next = nullptr;
    void (*run)(BlockingJob&) noexcept = nullptr;  // after it, the job may be gone
};

class BlockingPool {
  public:
    BlockingPool(int max_threads, std::chrono::nanoseconds idle)
        : max_threads_(max_threads), idle_(idle) {}
    ~BlockingPool() { drain(); }

    void submit(BlockingJob& job);
    // Forgets what has not begun, waits for what has, ends all threads.
    void drain();

    struct Stats {
        std::uint64_t calls = 0;  // begun since the start
        int running = 0;
        int waiting = 0;
        int threads = 0;
    };
    Stats stats() const;

  private:
    static void* thread_entry(void* pool);
    void serve();

    const int max_threads_;
    const std::chrono::nanoseconds idle_;
    mutable std::mutex lock_;
    std::condition_variable work_;
    std::condition_variable gone_;
    BlockingJob* first_ = nullptr;
    BlockingJob* last_ = nullptr;
    int waiting_ = 0;
    int threads_ = 0;
    int idle_threads_ = 0;
    int running_ = 0;
    std::uint64_t calls_ = 0;
    bool ending_ = false;
};

}  // namespace pilotfish::core
