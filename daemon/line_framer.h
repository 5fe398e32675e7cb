// Cuts a worker's byte stream into lines.
//
// A line ends with LF or CR LF, neither of which belongs to its text; a CR elsewhere does. Text
// over the cap is given in pieces, cut between UTF-8 sequences where the bytes are UTF-8; what
// stands unterminated at the end of the stream is a line. Every byte that is no line end is given
// exactly once: NUL, broken UTF-8 and other dirt are the formatter's business
// (daemon/log_format.h).
//
// One thread at a time. Lines that lie whole in the bytes fed are views of them; only a line that
// spans two reads is copied, at most the cap + 2 bytes, and that memory is given back when the line
// is complete. Never blocks. Never fails.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pilotfish::daemon {

struct Line {
    std::string_view text;   // valid until the next call of the framer
    bool continues = false;  // the piece before was cut at the cap: this belongs to the same line
    bool goes_on = false;    // cut at the cap: the next piece belongs to the same line
};

// The greatest cut <= at that does not part a UTF-8 sequence; at itself where the bytes are not
// UTF-8 anyway. Requires: at < text.size().
std::size_t cut_between_sequences(std::string_view text, std::size_t at);

class LineFramer {
  public:
    // Chosen: twice the longest line most collectors keep whole, small beside a pipe's 64 KiB.
    static constexpr std::size_t kMaxTextBytes = 8192;

    // max_text_bytes: at least 4, the longest UTF-8 sequence.
    explicit LineFramer(std::size_t max_text_bytes = kMaxTextBytes);

    // The next bytes of the stream, borrowed until next() returns false.
    // Requires: next() has returned false since the last feed(); end() was not called.
    void feed(std::string_view bytes);
    // No more bytes will come: next() also gives what has no line end.
    void end();
    // The next line or piece; false: none before the next feed().
    bool next(Line& line);

    bool idle() const { return carry_.empty() && input_.empty(); }

    // The head of a line whose end was not read yet, and whether a piece of that line was given
    // before. Requires: next() has returned false.
    std::string_view unfinished() const { return carry_; }
    bool continues() const { return continues_; }
    // Goes on where another framer stood. Requires: nothing was fed.
    void resume(std::string unfinished, bool continues);

  private:
    std::size_t take(std::string_view window, Line& line);

    const std::size_t max_text_bytes_;
    std::string_view input_;
    std::string carry_;      // the head of a line whose end was not read yet
    std::size_t given_ = 0;  // bytes of carry_ that the last next() gave out
    bool continues_ = false;
    bool ended_ = false;
};

}  // namespace pilotfish::daemon
