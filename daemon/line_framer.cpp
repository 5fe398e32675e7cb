#include "daemon/line_framer.h"

#include <cstring>

#include "core/check.h"

namespace pilotfish::daemon {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::size_t sequence_bytes(char lead) {
    const auto byte = static_cast<unsigned char>(lead);
    return byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
}

}  // namespace

std::size_t cut_between_sequences(std::string_view text, std::size_t at) {
    if (!is_continuation(text[at])) return at;
    for (std::size_t back = 1; back <= 3 && back < at; ++back) {
        const char byte = text[at - back];
        if (!is_continuation(byte)) return sequence_bytes(byte) > back ? at - back : at;
    }
    return at;
}

LineFramer::LineFramer(std::size_t max_text_bytes) : max_text_bytes_(max_text_bytes) {
    PF_CHECK(max_text_bytes >= 4, "a cap below the longest UTF-8 sequence could not make progress");
}

void LineFramer::feed(std::string_view bytes) {
    PF_CHECK(input_.empty(), "feed() before next() returned false loses lines");
    PF_CHECK(!ended_, "feed() after the end of the stream");
    input_ = bytes;
}

void LineFramer::end() { ended_ = true; }

void LineFramer::resume(std::string unfinished, bool continues) {
    PF_CHECK(idle() && !continues_, "resume() of a framer that was fed");
    // A larger one is not of our making; the cap holds all the same.
    if (unfinished.size() > max_text_bytes_ + 1) unfinished.resize(max_text_bytes_ + 1);
    carry_ = std::move(unfinished);
    continues_ = continues;
}

// Decides on the piece at the head of window and returns the bytes it takes up, line end included;
// 0: more bytes are needed to decide. Never looks further than the cap, CR and LF, so that a line
// without end costs a scan of each of its bytes once.
std::size_t LineFramer::take(std::string_view window, Line& line) {
    window = window.substr(0, max_text_bytes_ + 2);
    const void* newline = std::memchr(window.data(), '\n', window.size());
    std::size_t text_bytes = window.size();
    std::size_t used = window.size();
    if (newline != nullptr) {
        text_bytes = static_cast<std::size_t>(static_cast<const char*>(newline) - window.data());
        used = text_bytes + 1;
        if (text_bytes > 0 && window[text_bytes - 1] == '\r') --text_bytes;
    } else if (!ended_ && (text_bytes <= max_text_bytes_ ||
                           (text_bytes == max_text_bytes_ + 1 && window.back() == '\r'))) {
        return 0;  // the line end, or the LF of a CR LF, may be the next byte
    }
    const bool whole = text_bytes <= max_text_bytes_;
    if (!whole) used = text_bytes = cut_between_sequences(window, max_text_bytes_);
    line = {window.substr(0, text_bytes), continues_, !whole};
    continues_ = !whole;
    return used;
}

bool LineFramer::next(Line& line) {
    if (given_ > 0) {
        // What stays behind is what the cut at the cap left over: a few bytes at most.
        if (given_ == carry_.size()) {
            std::string().swap(carry_);
        } else {
            carry_.erase(0, given_);
        }
        given_ = 0;
    }
    if (!carry_.empty()) {
        const std::size_t room = max_text_bytes_ + 2 - carry_.size();
        std::string_view more = input_.substr(0, room);
        if (const std::size_t newline = more.find('\n'); newline != more.npos) {
            more = more.substr(0, newline + 1);
        }
        carry_.append(more);
        input_.remove_prefix(more.size());
        given_ = take(carry_, line);
        PF_CHECK(given_ > 0 || input_.empty(), "a full window always decides");
        return given_ > 0;
    }
    if (input_.empty()) return false;
    if (const std::size_t used = take(input_, line)) {
        input_.remove_prefix(used);
        return true;
    }
    carry_.assign(input_);
    input_ = {};
    return false;
}

}  // namespace pilotfish::daemon
