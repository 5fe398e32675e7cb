#include "daemon/line_blocks.h"

#include <utility>

#include "core/check.h"
#include "daemon/line_ring.h"

namespace pilotfish::daemon {

LineBlocks::LineBlocks(std::size_t max_text_bytes) : max_text_bytes_(max_text_bytes) {
    PF_CHECK(max_text_bytes >= 4, "a cap below the longest UTF-8 sequence could not make progress");
}

void LineBlocks::feed(std::string_view bytes) {
    PF_CHECK(input_.empty() && !ended_, "feed() before next() returned false, or after the end");
    input_ = bytes;
}

void LineBlocks::resume(std::string unfinished, bool continues) {
    PF_CHECK(input_.empty() && carry_.empty() && !ended_, "resume() after something was fed");
    carry_ = std::move(unfinished);
    continues_ = continues;
}

void LineBlocks::end() { ended_ = true; }

// Bytes at the head of the input that are whole lines, none over the cap: from the last line end
// that a longest line could reach, as far again.
std::size_t LineBlocks::fitting_lines() const {
    std::size_t at = 0;
    while (at < input_.size()) {
        const std::size_t lines = whole_lines(input_.substr(at, max_text_bytes_ + 1));
        if (lines == 0) break;
        at += lines;
    }
    return at;
}

bool LineBlocks::next(LineBlock& block) {
    if (given_ > 0) {
        if (given_ == carry_.size()) {
            std::string().swap(carry_);
        } else {
            carry_.erase(0, given_);
        }
        given_ = 0;
    }
    if (carry_.empty() && !continues_) {
        if (const std::size_t whole = fitting_lines()) {
            block = {input_.substr(0, whole), count_ends(input_.substr(0, whole)), false, false};
            input_.remove_prefix(whole);
            return true;
        }
    }
    // The head of a line, or more of it, up to its end or over the cap.
    if (carry_.empty() || carry_.back() != '\n') {
        std::string_view more = input_.substr(0, max_text_bytes_ + 2 - carry_.size());
        more = more.substr(0, more.find('\n') == more.npos ? more.npos : more.find('\n') + 1);
        carry_.append(more);
        input_.remove_prefix(more.size());
    }
    return !carry_.empty() && take_carried(block);
}

bool LineBlocks::take_carried(LineBlock& block) {
    const bool has_end = carry_.back() == '\n';
    std::size_t text = carry_.size();
    if (has_end) {
        --text;
        if (text > 0 && carry_[text - 1] == '\r') --text;
    } else if (!ended_ && (text <= max_text_bytes_ ||
                           (text == max_text_bytes_ + 1 && carry_.back() == '\r'))) {
        return false;
    }
    const bool whole = text <= max_text_bytes_;
    given_ = whole ? carry_.size() : cut_between_sequences(carry_, max_text_bytes_);
    block = {std::string_view(carry_).substr(0, given_), 1, continues_, !whole};
    continues_ = !whole;
    return true;
}

}  // namespace pilotfish::daemon
