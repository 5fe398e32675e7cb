// A bounded ring of bytes that knows where lines end: what waits for a slow reader.
//
// One thread at a time, but for one thing: the bytes parts() showed stay as they are until
// consume() or clear(), so one thread may write them out while another appends. Owns its memory,
// which is mapped by the first byte and touched only as far as the ring fills. Never blocks. Fails:
// append() is false when the system has no memory.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pilotfish::daemon {

// Line ends in bytes: 20 GB/s where std::count, which sums in 64 bits, makes 4.
std::uint64_t count_ends(std::string_view bytes);
// Line ends in bytes, and one more for what stands behind the last of them.
std::uint64_t count_lines(std::string_view bytes);
// Bytes up to and with the last line end; 0: none.
std::size_t whole_lines(std::string_view bytes);

class LineRing {
  public:
    // What stays in memory when the ring has run empty. Chosen: one pipe's worth.
    static constexpr std::size_t kKeptBytes = std::size_t{64} << 10;

    explicit LineRing(std::size_t capacity_bytes);  // rounded up to whole pages
    ~LineRing();
    LineRing(const LineRing&) = delete;
    LineRing& operator=(const LineRing&) = delete;

    std::size_t capacity() const { return capacity_; }
    std::size_t size() const { return size_; }
    bool empty() const { return size_ == 0; }
    std::size_t free_bytes() const { return capacity_ - size_; }

    // Requires: bytes.size() <= free_bytes().
    bool append(std::string_view bytes);
    // A copy of all that is in it.
    std::string text() const;
    // The oldest bytes, at most `most` of them, ending with a line where one ends there: others
    // that write to the same file then come between lines. Returns how many parts there are.
    int parts(iovec (&parts)[2], std::size_t most) const;
    void consume(std::size_t bytes);
    // Empties the ring and returns how many lines that were.
    std::uint64_t clear();

    // True when giving back is worth a system call. Requires for give_back(): empty().
    bool holds_spare_memory() const { return touched_ > kKeptBytes; }
    void give_back();

  private:
    const std::size_t capacity_;
    char* memory_ = nullptr;
    std::size_t head_ = 0;
    std::size_t size_ = 0;
    std::size_t touched_ = 0;  // highest offset written since give_back()
};

}  // namespace pilotfish::daemon
