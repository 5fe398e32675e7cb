// What an Output is inside: shared with its writer thread, which a deaf reader may hold for ever.
// The essay in output.cpp says how it works.
//
// Thread-safety: everything but the constants is guarded by mutex. Ownership: shared by the Output
// and its thread; borrows the descriptor. Blocks: nothing but what says so in output.h. Fails:
// never.
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "daemon/line_ring.h"
#include "daemon/output.h"

namespace pilotfish::daemon {

// Everything but the constants is guarded by mutex.
struct Output::State : std::enable_shared_from_this<Output::State> {
    using Clock = std::chrono::steady_clock;

    enum class Direct : std::uint8_t { nowait, dontwait, none };
    struct Sent {
        std::size_t bytes;
        int error;  // errno(3), never of the would-block kind; 0: none
    };

    State(int descriptor, const OutputOptions& options);

    void write(OutputSource& source, std::string_view bytes, std::uint64_t line_count);
    std::size_t enqueue(std::string_view bytes, bool own, bool torn);
    Sent send_now(const iovec* parts, int count);
    void sent(std::size_t bytes);
    void note_level();
    void refused();
    void tell_losses(bool forced);
    void lose(OutputSource& source, std::uint64_t lines);
    void wake_thread();
    bool start_thread();
    void drain_now();
    bool drain_waiting(std::unique_lock<std::mutex>& lock, Clock::time_point deadline);
    static void* thread_main(void* self);
    void run(std::unique_lock<std::mutex>& lock);
    void write_chunk(std::unique_lock<std::mutex>& lock);
    void wait_for_lines(std::unique_lock<std::mutex>& lock);

    bool roomy() const { return ring.free_bytes() >= ring.capacity() / 4; }

    const int fd;
    const bool may_start_thread;

    std::mutex mutex;
    std::condition_variable work;     // for the thread: lines, or stop
    std::condition_variable drained;  // from the thread: nothing is queued, or it is gone
    LineRing ring;
    Direct direct = Direct::nowait;
    bool in_write = false;
    bool waiting = false;
    bool held = false;
    bool stop = false;
    bool has_thread = false;
    OutputSource* untold = nullptr;
    std::atomic<Clock::rep> crowded_since{0};  // 0: not crowded; written under the lock
    std::uint64_t bytes_written = 0;
    std::uint64_t lost_lines = 0;
    std::uint64_t failed_lines = 0;
};

}  // namespace pilotfish::daemon
