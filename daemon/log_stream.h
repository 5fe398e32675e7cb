// One output stream of a worker on its way through us: bytes in, framed and formatted lines out, to
// an Output or a file, and what is kept of them into the worker's ring.
//
// One thread at a time; different streams may run on different threads. Borrows the Output, which
// must outlive it; shares file and ring. An idle stream holds a few hundred bytes. Never blocks.
// Never fails.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "daemon/line_blocks.h"
#include "daemon/line_framer.h"
#include "daemon/log_file.h"
#include "daemon/log_format.h"
#include "daemon/log_ring.h"
#include "daemon/output.h"
#include "daemon/output_tap.h"

namespace pilotfish::daemon {

class LogStream {
  public:
    // raw passes the bytes as they come; the other styles give whole lines. ring: null, nothing is
    // kept.
    LogStream(Output& output, LineStyle style, std::string_view worker, OutputKind kind,
              std::shared_ptr<LogRing> ring = nullptr);
    // Whole lines, as they are.
    LogStream(std::shared_ptr<LogFile> file, std::string_view worker, OutputKind kind,
              std::shared_ptr<LogRing> ring);

    // Sees all that is fed from now on. Not while something is fed.
    void set_tap(std::unique_ptr<OutputTap> tap) { tap_ = std::move(tap); }

    // Bytes just read from the worker's pipe. Best in large reads: one write(2) a call where
    // possible.
    void feed(std::string_view bytes);
    // One read(2) of all that a pipe holds, and feed(): with a non-blocking descriptor it never
    // waits. Returns what read(2) did, errno with it. A function of its own because its buffer is
    // the thread's, which a coroutine must not keep across a suspension.
    ssize_t read_from(int descriptor);
    // The end of the stream: gives what stands unterminated.
    void end();

    // Between two reads: where it stands within a line, to go on with after an upgrade.
    std::string_view unfinished() const {
        return keeps_blocks() ? blocks_.unfinished() : framer_.unfinished();
    }
    bool continues() const { return keeps_blocks() ? blocks_.continues() : framer_.continues(); }
    // Goes on there. Requires: nothing was fed.
    void resume(const std::string& unfinished, bool continues);

    // As Output::wants_pause().
    bool wants_pause() const {
        return output_ != nullptr ? output_->wants_pause() : file_->wants_pause();
    }
    std::uint64_t lines() const {
        return source_ ? source_->lines() : file_lines_.load(std::memory_order_relaxed);
    }
    // Of a file's the file knows, over both streams.
    std::uint64_t lost_lines() const { return source_ ? source_->lost_lines() : 0; }

  private:
    // Ring and file have a stand of their own; where both are, they are at the same place.
    bool keeps_blocks() const { return ring_ || file_; }
    void pass_lines();
    void pass_blocks();

    Output* const output_;  // null: to the file
    const std::shared_ptr<LogFile> file_;
    const std::shared_ptr<LogRing> ring_;
    const OutputKind kind_;
    LineFormat format_;
    LineFramer framer_;
    LineBlocks blocks_;                   // for ring and file
    std::unique_ptr<OutputTap> tap_;      // null: nobody looks
    std::optional<OutputSource> source_;  // after format_, which tells its losses
    std::atomic<std::uint64_t> file_lines_{0};
};

}  // namespace pilotfish::daemon
