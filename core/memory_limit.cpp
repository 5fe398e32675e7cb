#include "core/memory_limit.h"

#include <malloc.h>

#include <array>
#include <atomic>
#include <mutex>

#include "core/check.h"

namespace pilotfish::core {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;

std::atomic<std::uint64_t> limit_bytes{kNoLimit};
std::atomic<std::int64_t> last_reclaim_ns{0};
std::atomic<std::uint64_t> cycles{0};
std::atomic<std::int64_t> total_ns{0};

std::mutex shrinkers_mutex;
std::array<Shrinker, 16> shrinkers;
std::size_t shrinker_count = 0;

std::optional<std::uint64_t> as_optional(std::uint64_t bytes) {
    if (bytes == kNoLimit) return std::nullopt;
    return bytes;
}

}  // namespace

void add_shrinker(Shrinker shrinker) {
    const std::lock_guard lock(shrinkers_mutex);
    PF_CHECK(shrinker_count < shrinkers.size(), "more than 16 shrinkers");
    shrinkers[shrinker_count++] = shrinker;
}

std::uint64_t heap_in_use_bytes() noexcept {
    const struct mallinfo2 heap = mallinfo2();
    return heap.uordblks + heap.hblkhd;
}

bool memory_limit_reached(TimePoint now) noexcept {
    const std::uint64_t limit = limit_bytes.load(std::memory_order_relaxed);
    if (limit == kNoLimit) return false;
    const std::int64_t last = last_reclaim_ns.load(std::memory_order_relaxed);
    if (last != 0 && to_ns(now) - last < Duration(kReclaimPause).count()) return false;
    return heap_in_use_bytes() >= limit;
}

}  // namespace pilotfish::core

namespace pilotfish::runtime {

std::optional<std::uint64_t> set_memory_limit(std::optional<std::uint64_t> bytes) noexcept {
    return core::as_optional(core::limit_bytes.exchange(bytes.value_or(core::kNoLimit)));
}

std::optional<std::uint64_t> memory_limit() noexcept {
    return core::as_optional(core::limit_bytes.load(std::memory_order_relaxed));
}

void reclaim() {
    const std::int64_t begin = core::monotonic_ns();
    core::last_reclaim_ns.store(begin, std::memory_order_relaxed);
    {
        const std::lock_guard lock(core::shrinkers_mutex);
        for (std::size_t i = 0; i < core::shrinker_count; ++i) core::shrinkers[i]();
    }
    malloc_trim(0);
    core::cycles.fetch_add(1, std::memory_order_relaxed);
    core::total_ns.fetch_add(core::monotonic_ns() - begin, std::memory_order_relaxed);
}

ReclaimTotals reclaim_totals() noexcept {
    return {core::cycles.load(std::memory_order_relaxed),
            std::chrono::nanoseconds(core::total_ns.load(std::memory_order_relaxed))};
}

}  // namespace pilotfish::runtime
