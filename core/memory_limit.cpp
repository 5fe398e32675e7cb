#include "core/memory_limit.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <mutex>

#include "core/check.h"
#include "core/frame_pool.h"

namespace pilotfish::core {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;

std::atomic<std::uint64_t> limit_bytes{kNoLimit};
std::atomic<std::uint64_t> cycles{0};
std::atomic<std::uint64_t> shrinks{0};
std::atomic<std::uint64_t> purges{0};
std::atomic<std::int64_t> total_ns{0};

std::mutex steps_mutex;
MemorySteps& steps() {
    static MemorySteps all;
    return all;
}

std::mutex shrinkers_mutex;
std::array<Shrinker, 16> shrinkers;
std::size_t shrinker_count = 0;

std::optional<std::uint64_t> as_optional(std::uint64_t bytes) {
    if (bytes == kNoLimit) return std::nullopt;
    return bytes;
}

// The runtime's own cache goes first, then what others have registered.
int run_shrinkers() {
    FramePool::trim_depot();
    const std::lock_guard lock(shrinkers_mutex);
    for (std::size_t i = 0; i < shrinker_count; ++i) shrinkers[i]();
    return static_cast<int>(shrinker_count) + 1;
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

std::optional<std::uint64_t> anonymous_bytes() noexcept {
    // For the life of the process: it is asked for every second.
    static const int statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    static const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    char text[128];
    const ssize_t length = pread(statm, text, sizeof text, 0);
    if (length <= 0) return std::nullopt;
    // size resident shared ...: in pages; the second less the third is anonymous.
    std::array<std::uint64_t, 3> pages{};
    const char* at = text;
    const char* const end = text + length;
    for (std::uint64_t& count : pages) {
        const auto parsed = std::from_chars(at, end, count);
        if (parsed.ec != std::errc{} || parsed.ptr == end) return std::nullopt;
        at = parsed.ptr + 1;
    }
    return pages[1] > pages[2] ? (pages[1] - pages[2]) * page : 0;
}

bool may_be_near(std::uint64_t anonymous_bytes) noexcept {
    const auto limit = runtime::memory_limit();
    return limit && static_cast<double>(anonymous_bytes) >=
                        MemorySteps::kFirstFrom * static_cast<double>(*limit);
}

MemoryDue check_memory_limit(TimePoint now, std::uint64_t heap_bytes) noexcept {
    const std::lock_guard lock(steps_mutex);
    return steps().look(heap_bytes, runtime::memory_limit(), now);
}

MemoryCycle run_memory_cycle(MemoryDue due) {
    MemoryCycle cycle;
    cycle.steps = due;
    cycle.heap_before_bytes = heap_in_use_bytes();
    const std::int64_t begin = monotonic_ns();
    if (due.shrink) {
        cycle.shrinkers = run_shrinkers();
        shrinks.fetch_add(1, std::memory_order_relaxed);
    }
    const std::int64_t shrunk = monotonic_ns();
    if (due.purge) {
        malloc_trim(0);
        purges.fetch_add(1, std::memory_order_relaxed);
    }
    const std::int64_t end = monotonic_ns();
    cycle.shrink_time = std::chrono::nanoseconds(shrunk - begin);
    cycle.purge_time = std::chrono::nanoseconds(end - shrunk);
    cycle.heap_after_bytes = heap_in_use_bytes();
    total_ns.fetch_add(end - begin, std::memory_order_relaxed);
    cycle.number = cycles.fetch_add(1, std::memory_order_relaxed) + 1;
    return cycle;
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
    const core::MemoryDue both{.shrink = true, .purge = true};
    {
        const std::lock_guard lock(core::steps_mutex);
        core::steps().taken(both, core::from_ns(core::monotonic_ns()));
    }
    core::run_memory_cycle(both);
}

ReclaimTotals reclaim_totals() noexcept {
    return {core::cycles.load(std::memory_order_relaxed),
            core::shrinks.load(std::memory_order_relaxed),
            core::purges.load(std::memory_order_relaxed),
            std::chrono::nanoseconds(core::total_ns.load(std::memory_order_relaxed))};
}

}  // namespace pilotfish::runtime
