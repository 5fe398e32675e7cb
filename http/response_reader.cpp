#include "http/response_reader.h"

#include <algorithm>
#include <charconv>

#include "http/head.h"

namespace pilotfish::http {
namespace {

// As generous as we are strict with our own clients: far above any head of ours.
constexpr std::size_t kMostHead = 64 * 1024;

template <class Number>
bool parse_number(std::string_view text, Number& number, int base = 10) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

}  // namespace

ResponseReader::State ResponseReader::feed(std::string_view bytes, std::string& body) {
    kept_ += bytes;
    if (state_ == State::head && !read_head() && state_ == State::head &&
        kept_.size() > kMostHead) {
        state_ = State::malformed;
    }
    if (state_ == State::body) read_body(body);
    return state_;
}

ResponseReader::State ResponseReader::end() {
    if (state_ == State::body && framing_ == Framing::until_end)
        state_ = State::done;
    else if (state_ != State::done)
        state_ = State::malformed;
    return state_;
}

bool ResponseReader::read_head() {
    const std::size_t end = kept_.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    std::string_view head = std::string_view(kept_).substr(0, end);
    // "HTTP/1.1 200 OK"
    const std::string_view line = head.substr(0, head.find("\r\n"));
    if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
        !parse_number(line.substr(9, 3), status_) || status_ < 100) {
        state_ = State::malformed;
        return false;
    }
    head.remove_prefix(std::min(head.size(), line.size() + 2));
    while (!head.empty()) {
        const std::string_view field = head.substr(0, head.find("\r\n"));
        head.remove_prefix(std::min(head.size(), field.size() + 2));
        const std::size_t colon = std::min(field.find(':'), field.size());
        const std::string_view name = field.substr(0, colon);
        const std::string_view value = trimmed(field.substr(std::min(colon + 1, field.size())));
        if (equal_ignoring_case(name, "transfer-encoding")) {
            framing_ = Framing::chunks;
        } else if (equal_ignoring_case(name, "content-length") && framing_ != Framing::chunks) {
            framing_ = Framing::length;
            if (!parse_number(value, left_)) state_ = State::malformed;
        }
    }
    kept_.erase(0, end + 4);
    if (state_ == State::malformed) return false;
    // What only says that another head follows (RFC 9110, 15.2) is passed over.
    if (status_ < 200) {
        framing_ = Framing::until_end;
        left_ = 0;
        return read_head();
    }
    if (framing_ == Framing::chunks) left_ = 0;
    const bool has_none = status_ == 204 || status_ == 304;
    state_ = has_none || (framing_ == Framing::length && left_ == 0) ? State::done : State::body;
    return true;
}

void ResponseReader::read_body(std::string& body) {
    while (state_ == State::body) {
        if (framing_ == Framing::until_end) {
            body += kept_;
            kept_.clear();
            return;
        }
        if (left_ > 0) {
            const auto take =
                static_cast<std::size_t>(std::min<std::uint64_t>(left_, kept_.size()));
            if (take == 0) return;
            body.append(kept_, 0, take);
            kept_.erase(0, take);
            left_ -= take;
            behind_a_chunk_ = framing_ == Framing::chunks && left_ == 0;
        }
        if (framing_ == Framing::length) {
            if (left_ > 0) return;
            state_ = State::done;
        } else if (left_ == 0 && !read_chunk_line()) {
            return;
        }
    }
}

// False: more bytes are needed, or nothing follows.
bool ResponseReader::read_chunk_line() {
    const std::size_t end = kept_.find("\r\n");
    if (end == std::string::npos) {
        // A size has at most 16 digits; extensions and trailers of a kilobyte nobody sends us.
        if (kept_.size() > 1024) state_ = State::malformed;
        return false;
    }
    const std::string line = kept_.substr(0, end);
    kept_.erase(0, end + 2);
    if (behind_a_chunk_) {
        behind_a_chunk_ = false;
        if (!line.empty()) state_ = State::malformed;
        return line.empty();
    }
    if (in_trailer_) {
        if (line.empty()) state_ = State::done;
        return !line.empty();
    }
    const std::string_view size = trimmed(std::string_view(line).substr(0, line.find(';')));
    if (!parse_number(size, left_, 16)) {
        state_ = State::malformed;
        return false;
    }
    in_trailer_ = left_ == 0;
    return true;
}

}  // namespace pilotfish::http
