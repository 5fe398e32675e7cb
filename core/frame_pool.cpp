#include "core/frame_pool.h"

#include <cstdlib>
#include <mutex>
#include <new>

namespace pilotfish::core {

struct FramePool::Depot {
    struct Shelf {
        SpinLock lock;
        Block* batches = nullptr;
        std::atomic<std::int64_t> blocks{0};
    };
    Shelf shelves[kClasses];
    std::atomic<std::int64_t> held_bytes{0};
};

FramePool::Depot& FramePool::depot() noexcept {
    static constinit Depot the_depot;
    return the_depot;
}

void* FramePool::allocate_slow(std::size_t bytes) {
    std::size_t size = bytes;
    if (bytes <= kLargestPooled) {
        const std::size_t index = class_of(bytes);
        size = class_bytes(index);
        Depot::Shelf& shelf = depot().shelves[index];
        if (PF_RECYCLE_FRAMES && tls.frames && shelf.blocks.load(std::memory_order_relaxed) > 0) {
            std::unique_lock guard(shelf.lock);
            if (Block* batch = shelf.batches) {
                shelf.batches = batch->next_batch;
                guard.unlock();
                List& list = tls.frames->lists_[index];
                std::uint32_t taken = 0;
                for (Block* block = batch->next; block; block = block->next) ++taken;
                shelf.blocks.fetch_sub(taken + 1, std::memory_order_relaxed);
                list.head = batch->next;
                list.add(static_cast<int>(taken));
                return batch;
            }
        }
    }
    void* memory = std::malloc(size);
    if (!memory) throw std::bad_alloc();
    depot().held_bytes.fetch_add(static_cast<std::int64_t>(size), std::memory_order_relaxed);
    return memory;
}

void FramePool::release_slow(void* memory, std::size_t bytes) noexcept {
    const std::size_t size = bytes <= kLargestPooled ? class_bytes(class_of(bytes)) : bytes;
    depot().held_bytes.fetch_sub(static_cast<std::int64_t>(size), std::memory_order_relaxed);
    std::free(memory);
}

void FramePool::give_batch(std::size_t index, std::uint32_t size) noexcept {
    List& list = lists_[index];
    Block* first = list.head;
    Block* last = first;
    for (std::uint32_t i = 1; i < size; ++i) last = last->next;
    list.head = last->next;
    list.add(-static_cast<int>(size));
    last->next = nullptr;
    Depot::Shelf& shelf = depot().shelves[index];
    std::lock_guard guard(shelf.lock);
    first->next_batch = shelf.batches;
    shelf.batches = first;
    shelf.blocks.fetch_add(size, std::memory_order_relaxed);
}

void FramePool::give_batches(std::size_t index) noexcept {
    // Half stays: a task that goes on spawning must not come straight back to the depot.
    while (lists_[index].count.load(std::memory_order_relaxed) > kListLimit / 2)
        give_batch(index, kBatch);
}

void FramePool::flush() noexcept {
    for (std::size_t index = 0; index < kClasses; ++index) {
        while (const std::uint32_t count = lists_[index].count.load(std::memory_order_relaxed))
            give_batch(index, count < kBatch ? count : kBatch);
    }
}

std::int64_t FramePool::idle_bytes() const noexcept {
    std::int64_t sum = 0;
    for (std::size_t index = 0; index < kClasses; ++index) {
        sum += static_cast<std::int64_t>(lists_[index].count.load(std::memory_order_relaxed) *
                                         class_bytes(index));
    }
    return sum;
}

std::int64_t FramePool::held_bytes() noexcept {
    return depot().held_bytes.load(std::memory_order_relaxed);
}

std::int64_t FramePool::depot_bytes() noexcept {
    std::int64_t sum = 0;
    for (std::size_t index = 0; index < kClasses; ++index) {
        sum += depot().shelves[index].blocks.load(std::memory_order_relaxed) *
               static_cast<std::int64_t>(class_bytes(index));
    }
    return sum;
}

std::int64_t FramePool::trim_depot() noexcept {
    std::int64_t freed = 0;
    for (std::size_t index = 0; index < kClasses; ++index) {
        Depot::Shelf& shelf = depot().shelves[index];
        Block* batch = nullptr;
        {
            std::lock_guard guard(shelf.lock);
            batch = shelf.batches;
            shelf.batches = nullptr;
        }
        while (batch) {
            Block* next_batch = batch->next_batch;
            while (batch) {
                Block* next = batch->next;
                release_slow(batch, class_bytes(index));
                shelf.blocks.fetch_sub(1, std::memory_order_relaxed);
                freed += static_cast<std::int64_t>(class_bytes(index));
                batch = next;
            }
            batch = next_batch;
        }
    }
    return freed;
}

}  // namespace pilotfish::core
