// The epoll instance: edge-triggered, each descriptor registered once for its life.
//
// One thread at a time waits in it (own() decides which); others may poll it without waiting
// through the same door. Entries are never freed while the poller lives, only recycled with a new
// generation: an event that was on its way when its descriptor was closed is told from a new one by
// that.
//
// Thread-safety: any thread. Owns the epoll descriptor and an eventfd. Blocks: wait() up to its
// time-out. Fails: a sentence, from adopt(); wait() and kick() abort when
// no epoll instance can be made: nothing else can sleep or be woken.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>

#include "core/result.h"
#include "core/run_queue.h"
#include "core/spin_lock.h"
#include "core/task_record.h"

namespace pilotfish::core {

// One cache line: an edge for a task that has been parked for long finds none of it in the cache.
struct alignas(64) PollEntry {
    SpinLock lock;
    bool closed = true;
    bool readable = false;  // an edge came that no await has consumed
    bool writable = false;
    // An edge told of more than plain data: an end, an error, urgent data. From then on a short
    // read does not mean that nothing is left to be told (core/byte_stream.h).
    std::atomic<bool> more_than_data{false};
    std::uint16_t generation = 0;
    int fd = -1;
    Waiter* reader = nullptr;
    Waiter* writer = nullptr;
    PollEntry* next_free = nullptr;
    PollEntry* next_made = nullptr;
};

class Poller {
  public:
    Poller() = default;
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    Result<PollEntry*> adopt(int fd);
    // Wakes both waiters with Wake::closed and forgets the descriptor, which the caller then
    // closes.
    void retire(PollEntry* entry) noexcept;

    // The right to wait; false: another thread has it.
    bool own() noexcept {
        return !owned_.load(std::memory_order_relaxed) &&
               !owned_.exchange(true, std::memory_order_seq_cst);
    }
    void disown() noexcept { owned_.store(false, std::memory_order_seq_cst); }
    bool owned() const noexcept { return owned_.load(std::memory_order_seq_cst); }

    // Requires: own(). Appends the tasks whose descriptors became ready. timeout_ns 0: does not
    // block; negative: for ever.
    void wait(std::int64_t timeout_ns, TaskList& out) noexcept;
    // Makes the present or else the next wait() return. Any thread; one system call at most a wait.
    void kick() noexcept;
    std::uint32_t descriptors() const noexcept {
        return descriptors_.load(std::memory_order_relaxed);
    }

  private:
    // 0, or why there is no epoll instance. Done once it has succeeded.
    int try_open() noexcept;
    // Where there is no way on without one.
    void open() noexcept;
    void deliver(PollEntry& entry, std::uint16_t generation, std::uint32_t events,
                 TaskList& out) noexcept;

    std::atomic<int> epoll_fd_{-1};
    int event_fd_ = -1;
    std::mutex opening_;
    std::atomic<bool> owned_{false};
    std::atomic<bool> kicked_{false};
    std::atomic<std::uint32_t> descriptors_{0};
    SpinLock entries_lock_;
    PollEntry* free_ = nullptr;
    PollEntry* made_ = nullptr;
};

}  // namespace pilotfish::core
