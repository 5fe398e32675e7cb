// The last lines of one worker, as /v1/workers/{name}/logs shows them.
//
// Any thread. Shared: a feed may outlive the worker that it is of. Blocks: short locks. Fails:
// never; what was forgotten is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::http {

struct LogLineView {
    // Each one more than that of the line before, over both streams and all runs; those of a later
    // life of the daemon are larger.
    std::uint64_t cursor = 0;
    std::string time;         // "2026-11-23T12:00:00.123Z": when its last byte was read
    std::string_view stream;  // "stdout", "stderr"
    std::string text;         // without its line end; any bytes
    bool partial = false;     // cut at the cap: the next line of the stream is its rest
};

class LogFeed {
  public:
    virtual ~LogFeed() = default;

    struct Batch {
        std::vector<LogLineView> lines;
        std::uint64_t missed = 0;  // of those asked for, forgotten meanwhile, of both streams
        std::uint64_t last = 0;    // what to ask for next time
        bool at_end = false;       // there is nothing newer
        bool ended = false;        // nor will there be
    };
    // The lines after that cursor, oldest first: about so many bytes, at least one line.
    virtual Batch after(std::uint64_t cursor, std::size_t most_bytes) const = 0;
    // The cursors of the line before the oldest that is kept, and of the newest.
    struct Range {
        std::uint64_t before_oldest = 0;
        std::uint64_t newest = 0;
    };
    virtual Range range() const = 0;
    // The waker is called once something is new after an after() that was at the end, on whatever
    // thread that happens, as long as what is returned is kept. It must not block.
    virtual std::shared_ptr<const void> subscribe(std::function<void()> waker) = 0;
    virtual std::size_t followers() const = 0;
};

// A worker's log, or why there is none to show: a sentence with the setting to change.
struct LogAnswer {
    std::shared_ptr<LogFeed> feed;  // null: why_not says why
    std::string why_not;
};

}  // namespace pilotfish::http
