// Memory of coroutine frames and task records: size classes 16 bytes apart up to 1 KiB, recycled
// through free lists of the processor at hand, without a lock or an atomic operation.
//
// Frames made on one processor often end on another; a list that grows past its limit gives batches
// to a shared depot, from which an empty list is refilled. Every block comes from malloc(3), so
// that any block may be given back to the system, and threads outside of the runtime simply use
// malloc. Under AddressSanitizer nothing is recycled: its own quarantine finds more.
//
// Thread-safety: a FramePool belongs to the thread that holds its processor; the static functions
// may be called by any thread. Blocks on a spin lock once a batch. Fails: std::bad_alloc.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/task_record.h"

namespace pilotfish::core {

#if defined(__SANITIZE_ADDRESS__)
#define PF_RECYCLE_FRAMES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PF_RECYCLE_FRAMES 0
#endif
#endif
#ifndef PF_RECYCLE_FRAMES
#define PF_RECYCLE_FRAMES 1
#endif

struct FrameBytes {
    std::int64_t held = 0;  // taken from the system
    std::int64_t live = 0;  // of those, in use
};

class FramePool {
  public:
    static constexpr std::size_t kGranularity = 16;
    // glibc's chunks are 16 n bytes, 8 of them its own: classes of 16 n + 8 waste none.
    static constexpr std::size_t kSmallest = 24;
    static constexpr std::size_t kClasses = 64;
    static constexpr std::size_t kLargestPooled = kSmallest + (kClasses - 1) * kGranularity;

    FramePool() = default;
    FramePool(const FramePool&) = delete;
    FramePool& operator=(const FramePool&) = delete;

    static void* allocate(std::size_t bytes) {
        if (bytes <= kLargestPooled && PF_RECYCLE_FRAMES) [[likely]] {
            if (FramePool* pool = tls.frames) [[likely]] {
                List& list = pool->lists_[class_of(bytes)];
                if (Block* block = list.head) [[likely]] {
                    list.head = block->next;
                    list.add(-1);
                    return block;
                }
            }
        }
        return allocate_slow(bytes);
    }

    static void release(void* memory, std::size_t bytes) noexcept {
        if (bytes <= kLargestPooled && PF_RECYCLE_FRAMES) [[likely]] {
            if (FramePool* pool = tls.frames) [[likely]] {
                List& list = pool->lists_[class_of(bytes)];
                Block* block = static_cast<Block*>(memory);
                block->next = list.head;
                list.head = block;
                if (list.add(1) < kListLimit) [[likely]]
                    return;
                pool->give_batches(class_of(bytes));
                return;
            }
        }
        release_slow(memory, bytes);
    }

    // Gives every block to the depot: the processor goes out of use.
    void flush() noexcept;
    // Bytes waiting in this pool's lists. Any thread; a snapshot.
    std::int64_t idle_bytes() const noexcept;
    // Sum over the process: what was taken from the system, and what waits in the depot.
    static std::int64_t held_bytes() noexcept;
    static std::int64_t depot_bytes() noexcept;
    // Gives the depot back to the system; returns the bytes.
    static std::int64_t trim_depot() noexcept;

  private:
    struct Block {
        Block* next;
        Block* next_batch;  // of the first block of a batch in the depot
    };
    struct List {
        Block* head = nullptr;
        std::atomic<std::uint32_t> count{0};  // one writer; read by statistics
        std::uint32_t add(int delta) noexcept {
            const std::uint32_t now =
                count.load(std::memory_order_relaxed) + static_cast<std::uint32_t>(delta);
            count.store(now, std::memory_order_relaxed);
            return now;
        }
    };
    struct Depot;

    // Enough for a burst of a full run queue to be recycled without the depot; chosen, not
    // measured.
    static constexpr std::uint32_t kBatch = 64;
    static constexpr std::uint32_t kListLimit = 512;

    static std::size_t class_of(std::size_t bytes) noexcept {
        return bytes <= kSmallest ? 0 : (bytes - kSmallest + kGranularity - 1) / kGranularity;
    }
    static std::size_t class_bytes(std::size_t index) noexcept {
        return kSmallest + index * kGranularity;
    }
    static Depot& depot() noexcept;
    static void* allocate_slow(std::size_t bytes);
    static void release_slow(void* memory, std::size_t bytes) noexcept;
    void give_batches(std::size_t index) noexcept;
    void give_batch(std::size_t index, std::uint32_t size) noexcept;

    List lists_[kClasses];
};

}  // namespace pilotfish::core
