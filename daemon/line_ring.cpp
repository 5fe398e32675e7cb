#include "daemon/line_ring.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

constexpr std::size_t kPageBytes =
    4096;  // the least of any kernel's: a larger one rounds up itself

// One SSE2 or NEON register.
using Block = signed char __attribute__((vector_size(16)));

}  // namespace

std::uint64_t count_ends(std::string_view bytes) {
    std::uint64_t ends = 0;
    // A lane of eight bits counts up to 127 blocks.
    while (bytes.size() >= sizeof(Block)) {
        const std::size_t blocks = std::min<std::size_t>(bytes.size() / sizeof(Block), 127);
        Block counts{};
        for (std::size_t i = 0; i < blocks; ++i) {
            Block block;
            std::memcpy(&block, bytes.data() + i * sizeof block, sizeof block);
            counts -= block == '\n';  // true is -1
        }
        for (std::size_t lane = 0; lane < sizeof(Block); ++lane) {
            ends += static_cast<std::uint64_t>(counts[lane]);
        }
        bytes.remove_prefix(blocks * sizeof(Block));
    }
    for (const char byte : bytes) ends += byte == '\n' ? 1 : 0;
    return ends;
}

std::uint64_t count_lines(std::string_view bytes) {
    if (bytes.empty()) return 0;
    return count_ends(bytes) + (bytes.back() == '\n' ? 0 : 1);
}

std::size_t whole_lines(std::string_view bytes) {
    if (bytes.empty()) return 0;
    const void* end = memrchr(bytes.data(), '\n', bytes.size());
    if (end == nullptr) return 0;
    return static_cast<std::size_t>(static_cast<const char*>(end) - bytes.data()) + 1;
}

LineRing::LineRing(std::size_t capacity_bytes)
    : capacity_((std::max<std::size_t>(capacity_bytes, 1) + kPageBytes - 1) / kPageBytes *
                kPageBytes) {}

LineRing::~LineRing() {
    if (memory_ != nullptr) munmap(memory_, capacity_);
}

bool LineRing::append(std::string_view bytes) {
    PF_CHECK(bytes.size() <= free_bytes(), "append() beyond the ring's room");
    if (bytes.empty()) return true;
    if (memory_ == nullptr) {
        void* memory = mmap(nullptr, capacity_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED) return false;
        memory_ = static_cast<char*>(memory);
    }
    const std::size_t tail = (head_ + size_) % capacity_;
    const std::size_t first = std::min(bytes.size(), capacity_ - tail);
    std::memcpy(memory_ + tail, bytes.data(), first);
    std::memcpy(memory_, bytes.data() + first, bytes.size() - first);
    touched_ = std::max(touched_, first < bytes.size() ? capacity_ : tail + first);
    size_ += bytes.size();
    return true;
}

std::string LineRing::text() const {
    const std::size_t first = std::min(size_, capacity_ - head_);
    std::string all(memory_ == nullptr ? "" : memory_ + head_, first);
    if (first < size_) all.append(memory_, size_ - first);
    return all;
}

int LineRing::parts(iovec (&parts)[2], std::size_t most) const {
    const std::size_t total = std::min(size_, most);
    std::size_t first = std::min(total, capacity_ - head_);
    std::size_t second = total - first;
    if (const std::size_t lines = whole_lines({memory_, second})) {
        second = lines;
    } else if (const std::size_t before = whole_lines({memory_ + head_, first})) {
        first = before;
        second = 0;
    }
    parts[0] = {memory_ + head_, first};
    parts[1] = {memory_, second};
    return second > 0 ? 2 : 1;
}

void LineRing::consume(std::size_t bytes) {
    PF_CHECK(bytes <= size_, "consume() beyond what is queued");
    size_ -= bytes;
    // Starting over when empty keeps light use within the first pages.
    head_ = size_ == 0 ? 0 : (head_ + bytes) % capacity_;
}

std::uint64_t LineRing::clear() {
    const std::size_t first = std::min(size_, capacity_ - head_);
    std::uint64_t lines = count_lines({memory_ + head_, first});
    if (first < size_) {
        lines += count_lines({memory_, size_ - first});
        if (memory_[capacity_ - 1] != '\n') --lines;  // one line, counted on both sides of the seam
    }
    consume(size_);
    return lines;
}

void LineRing::give_back() {
    PF_CHECK(empty(), "give_back() of memory in use");
    if (!holds_spare_memory()) return;
    madvise(memory_ + kKeptBytes, capacity_ - kKeptBytes, MADV_DONTNEED);
    touched_ = 0;
}

}  // namespace pilotfish::daemon
