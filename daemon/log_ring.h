// The last lines of a worker, both streams and all its runs, for whoever asks later.
//
// What is kept are blocks of lines as they were read, not lines: keeping 64 KiB costs a copy of
// them and one header of 16 bytes, whatever the lines' length, and the reader does the cutting.
// Lines are numbered over the worker's life; a number is the cursor of who follows. The oldest
// blocks make room for new ones, and who comes too late is told how many lines that were.
//
// Any thread. Owns its memory: none before the first line, then as much as is kept, doubled up to
// the capacity; given back with the ring. Blocks: a short lock, over one copy of at most 64 KiB;
// append() then wakes who waits at the end. Fails: never; without memory what was kept is
// forgotten, and that is a gap.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/line_blocks.h"
#include "http/log_feed.h"

namespace pilotfish::daemon {

enum class OutputKind : std::uint8_t { standard_output, standard_error };

class LogRing final : public http::LogFeed {
  public:
    static constexpr std::size_t kLeastBytes = std::size_t{16} << 10;

    // capacity_bytes: at least kLeastBytes. base: the number before that of the first line; see
    // EventLog::base_now().
    LogRing(std::size_t capacity_bytes, std::uint64_t base);

    void append(OutputKind kind, std::chrono::system_clock::time_point time,
                const LineBlock& block);
    // No line will come any more: who follows hears the end.
    void end();

    Batch after(std::uint64_t cursor, std::size_t most_bytes) const override;
    Range range() const override;
    std::shared_ptr<const void> subscribe(std::function<void()> waker) override;
    std::size_t followers() const override;

    // All that is kept, for the daemon's next binary; cursors go on there.
    struct Saved {
        std::uint64_t base = 0;
        std::uint64_t newest = 0;
        std::string blocks;
    };
    Saved save() const;
    // False: these are no blocks of ours, and the ring is as it was. Requires: nothing was
    // appended.
    bool restore(const Saved& saved);

    std::size_t allocated_bytes() const;

  private:
    using Waker = std::function<void()>;
    struct Header;
    // The block there and the line before its first.
    struct Place {
        std::uint64_t position = 0;
        std::uint64_t before = 0;
    };

    void put(const Header& header, std::string_view bytes);
    bool make_room(std::size_t bytes);
    void drop_oldest();
    void forget_all();
    Header header_at(std::uint64_t position) const;
    void copy_in(std::string_view bytes);
    void copy_out(std::uint64_t position, char* to, std::size_t bytes) const;
    Place find(std::uint64_t cursor) const;
    std::vector<std::shared_ptr<Waker>> take_waiting() const;

    const std::size_t capacity_;
    const std::size_t piece_bytes_;

    mutable std::mutex mutex_;
    std::unique_ptr<char[]> memory_;
    std::size_t allocated_ = 0;
    // Positions count all bytes that were ever kept; origin_ lies at the start of the memory.
    std::uint64_t origin_ = 0;
    std::uint64_t begin_ = 0;
    std::uint64_t end_ = 0;
    std::uint64_t base_;
    std::uint64_t before_oldest_;
    std::uint64_t newest_;
    bool ended_ = false;
    mutable Place bookmark_;        // where the last reader stopped: the next one's likely start
    mutable bool awaited_ = false;  // somebody is at the end
    std::vector<std::weak_ptr<Waker>> wakers_;
};

}  // namespace pilotfish::daemon
