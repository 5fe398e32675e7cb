// Cuts a byte stream into blocks of whole lines, for those who keep lines and do not look at them:
// the ring and the file. A line ends with LF; none is longer than the cap. As daemon/line_framer.h
// cuts it, but for line ends, which stay.
//
// Nearly all of a block is found by one step back from each cap's worth of bytes, not by a step for
// each line: 64 KiB cost some nine of them. A line that spans two reads, and one over the cap, is
// copied.
//
// One thread at a time. Blocks are views. Never blocks. Never fails.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "daemon/line_framer.h"

namespace pilotfish::daemon {

struct LineBlock {
    // Whole lines with their ends; or one piece of a line, without an end where it was cut or the
    // stream ended. Valid until the next call.
    std::string_view bytes;
    std::uint64_t lines = 0;
    bool continues = false;  // as in Line; only of a piece
    bool goes_on = false;
};

class LineBlocks {
  public:
    explicit LineBlocks(std::size_t max_text_bytes = LineFramer::kMaxTextBytes);

    // Borrowed until next() returns false. Requires: next() has returned false; no end() before.
    void feed(std::string_view bytes);
    void end();
    bool next(LineBlock& block);

    // As LineFramer's.
    std::string_view unfinished() const { return carry_; }
    bool continues() const { return continues_; }
    void resume(std::string unfinished, bool continues);

  private:
    std::size_t fitting_lines() const;
    bool take_carried(LineBlock& block);

    const std::size_t max_text_bytes_;
    std::string_view input_;
    std::string carry_;
    std::size_t given_ = 0;
    bool continues_ = false;
    bool ended_ = false;
};

}  // namespace pilotfish::daemon
