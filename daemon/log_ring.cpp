#include "daemon/log_ring.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "core/check.h"
#include "daemon/line_ring.h"
#include "daemon/log_format.h"

namespace pilotfish::daemon {
namespace {

using std::chrono::milliseconds;

// A larger piece would be forgotten in larger steps.
constexpr std::size_t kLargestPiece = std::size_t{16} << 10;
constexpr std::size_t kLongestLine = LineFramer::kMaxTextBytes + 2;
constexpr std::size_t kFirstBytes = 1024;  // a worker that says a word or two

}  // namespace

// As it lies before each block's bytes.
struct LogRing::Header {
    std::uint32_t bytes;
    std::uint32_t lines;
    std::int64_t time_and_marks;  // milliseconds since 1970, times 8, and three marks

    static constexpr std::int64_t kStandardError = 1;
    static constexpr std::int64_t kContinues = 2;
    static constexpr std::int64_t kGoesOn = 4;

    std::size_t size() const { return sizeof(Header) + bytes; }
};

LogRing::LogRing(std::size_t capacity_bytes, std::uint64_t base)
    : capacity_(capacity_bytes),
      piece_bytes_(std::clamp(capacity_bytes / 8, kLongestLine, kLargestPiece)),
      base_(base),
      before_oldest_(base),
      newest_(base) {
    PF_CHECK(capacity_bytes >= kLeastBytes, "a ring that a long line or two would fill");
}

void LogRing::append(OutputKind kind, std::chrono::system_clock::time_point time,
                     const LineBlock& block) {
    const auto since = std::chrono::floor<milliseconds>(time.time_since_epoch()).count();
    const std::int64_t marks = (kind == OutputKind::standard_error ? Header::kStandardError : 0) |
                               (block.continues ? Header::kContinues : 0) |
                               (block.goes_on ? Header::kGoesOn : 0);
    std::vector<std::shared_ptr<Waker>> awake;
    {
        const std::lock_guard lock(mutex_);
        if (ended_) return;
        std::string_view rest = block.bytes;
        std::uint64_t lines = block.lines;
        while (!rest.empty()) {
            std::string_view piece = rest;
            std::uint64_t in_piece = lines;
            if (rest.size() > piece_bytes_) {
                piece = rest.substr(0, whole_lines(rest.substr(0, piece_bytes_)));
                PF_CHECK(!piece.empty(), "a line over the cap came to the ring");
                in_piece = count_ends(piece);
            }
            put({static_cast<std::uint32_t>(piece.size()), static_cast<std::uint32_t>(in_piece),
                 since * 8 + marks},
                piece);
            rest.remove_prefix(piece.size());
            lines -= in_piece;
        }
        awake = take_waiting();
    }
    // Outside the lock: a waker may lead straight back here.
    for (const auto& waker : awake) (*waker)();
}

void LogRing::put(const Header& header, std::string_view bytes) {
    newest_ += header.lines;
    if (!make_room(header.size())) {
        forget_all();
        return;
    }
    char head[sizeof(Header)];
    std::memcpy(head, &header, sizeof header);
    copy_in({head, sizeof head});
    copy_in(bytes);
}

// False: there is no memory.
bool LogRing::make_room(std::size_t bytes) {
    while (end_ - begin_ + bytes > capacity_) drop_oldest();
    const std::size_t kept = end_ - begin_;
    if (kept + bytes <= allocated_) return true;
    const std::size_t wanted =
        std::min(capacity_, std::max({kFirstBytes, 2 * allocated_, kept + bytes}));
    std::unique_ptr<char[]> larger(new (std::nothrow) char[wanted]);
    if (!larger) return false;
    if (kept > 0) copy_out(begin_, larger.get(), kept);
    memory_ = std::move(larger);
    allocated_ = wanted;
    origin_ = begin_;
    return true;
}

void LogRing::drop_oldest() {
    const Header oldest = header_at(begin_);
    begin_ += oldest.size();
    before_oldest_ += oldest.lines;
}

void LogRing::forget_all() {
    begin_ = end_;
    before_oldest_ = newest_;
}

LogRing::Header LogRing::header_at(std::uint64_t position) const {
    char head[sizeof(Header)];
    copy_out(position, head, sizeof head);
    Header header;
    std::memcpy(&header, head, sizeof header);
    return header;
}

void LogRing::copy_in(std::string_view bytes) {
    const std::size_t at = (end_ - origin_) % allocated_;
    const std::size_t first = std::min(bytes.size(), allocated_ - at);
    std::memcpy(memory_.get() + at, bytes.data(), first);
    std::memcpy(memory_.get(), bytes.data() + first, bytes.size() - first);
    end_ += bytes.size();
}

void LogRing::copy_out(std::uint64_t position, char* to, std::size_t bytes) const {
    const std::size_t at = (position - origin_) % allocated_;
    const std::size_t first = std::min(bytes, allocated_ - at);
    std::memcpy(to, memory_.get() + at, first);
    std::memcpy(to + first, memory_.get(), bytes - first);
}

// The block with the line after cursor, or the end.
LogRing::Place LogRing::find(std::uint64_t cursor) const {
    Place place{begin_, before_oldest_};
    const bool known = bookmark_.position >= begin_ && bookmark_.position <= end_;
    if (known && bookmark_.before >= before_oldest_ && bookmark_.before <= cursor)
        place = bookmark_;
    while (place.position < end_) {
        const Header header = header_at(place.position);
        if (place.before + header.lines > cursor) break;
        place.position += header.size();
        place.before += header.lines;
    }
    return place;
}

LogRing::Batch LogRing::after(std::uint64_t cursor, std::size_t most_bytes) const {
    Batch batch;
    std::string copied;
    Place place;
    {
        const std::lock_guard lock(mutex_);
        // To a reader of an earlier life, or with a cursor that never was, everything is new.
        if (cursor < base_ || cursor > newest_) cursor = base_;
        if (cursor < before_oldest_) {
            batch.missed = before_oldest_ - cursor;
            cursor = before_oldest_;
        }
        place = find(cursor);
        Place until = place;
        while (until.position < end_ && until.position - place.position < most_bytes) {
            const Header header = header_at(until.position);
            until.position += header.size();
            until.before += header.lines;
        }
        copied.resize(until.position - place.position);
        if (!copied.empty()) copy_out(place.position, copied.data(), copied.size());
        bookmark_ = until;
        batch.last = std::max(cursor, until.before);
        batch.at_end = until.position == end_;
        batch.ended = ended_;
        if (batch.at_end) awaited_ = true;
    }
    for (std::size_t at = 0; at < copied.size();) {
        Header header;
        std::memcpy(&header, copied.data() + at, sizeof header);
        std::string_view bytes(copied.data() + at + sizeof header, header.bytes);
        at += header.size();
        http::LogLineView line;
        append_time(line.time, std::chrono::system_clock::time_point(
                                   milliseconds(header.time_and_marks >> 3)));
        line.stream = (header.time_and_marks & Header::kStandardError) != 0 ? "stderr" : "stdout";
        line.partial = (header.time_and_marks & Header::kGoesOn) != 0;
        for (std::uint64_t i = 0; i < header.lines; ++i) {
            const std::size_t end = std::min(bytes.find('\n'), bytes.size());
            line.cursor = ++place.before;
            std::string_view text = bytes.substr(0, end);
            if (end < bytes.size() && text.ends_with('\r')) text.remove_suffix(1);
            line.text = text;
            bytes.remove_prefix(std::min(end + 1, bytes.size()));
            if (line.cursor > cursor) batch.lines.push_back(line);
        }
    }
    return batch;
}

LogRing::Range LogRing::range() const {
    const std::lock_guard lock(mutex_);
    return {before_oldest_, newest_};
}

// Requires: the lock.
std::vector<std::shared_ptr<LogRing::Waker>> LogRing::take_waiting() const {
    std::vector<std::shared_ptr<Waker>> awake;
    if (!awaited_) return awake;
    awaited_ = false;
    for (const auto& waker : wakers_)
        if (auto alive = waker.lock()) awake.push_back(std::move(alive));
    return awake;
}

void LogRing::end() {
    std::vector<std::shared_ptr<Waker>> awake;
    {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        awaited_ = true;
        awake = take_waiting();
    }
    for (const auto& waker : awake) (*waker)();
}

std::shared_ptr<const void> LogRing::subscribe(std::function<void()> waker) {
    auto kept = std::make_shared<Waker>(std::move(waker));
    const std::lock_guard lock(mutex_);
    std::erase_if(wakers_, [](const auto& each) { return each.expired(); });
    wakers_.push_back(kept);
    return kept;
}

std::size_t LogRing::followers() const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        wakers_.begin(), wakers_.end(), [](const auto& each) { return !each.expired(); }));
}

LogRing::Saved LogRing::save() const {
    const std::lock_guard lock(mutex_);
    Saved saved{base_, newest_, std::string(end_ - begin_, '\0')};
    if (!saved.blocks.empty()) copy_out(begin_, saved.blocks.data(), saved.blocks.size());
    return saved;
}

bool LogRing::restore(const Saved& saved) {
    std::uint64_t lines = 0;
    std::string_view rest = saved.blocks;
    while (!rest.empty()) {
        Header header;
        if (rest.size() < sizeof header) return false;
        std::memcpy(&header, rest.data(), sizeof header);
        if (rest.size() < header.size()) return false;
        const std::string_view bytes = rest.substr(sizeof header, header.bytes);
        if (header.lines == 0 || header.lines != count_lines(bytes)) return false;
        lines += header.lines;
        rest.remove_prefix(header.size());
    }
    const std::lock_guard lock(mutex_);
    PF_CHECK(begin_ == end_, "restore() into a ring in use");
    if (saved.newest < lines || saved.newest - lines < saved.base) return false;
    base_ = saved.base;
    before_oldest_ = newest_ = saved.newest - lines;
    for (rest = saved.blocks; !rest.empty();) {
        Header header;
        std::memcpy(&header, rest.data(), sizeof header);
        // Its capacity may be another one now; what does not fit is the oldest.
        if (header.size() <= capacity_)
            put(header, rest.substr(sizeof header, header.bytes));
        else
            newest_ += header.lines, forget_all();
        rest.remove_prefix(header.size());
    }
    return true;
}

std::size_t LogRing::allocated_bytes() const {
    const std::lock_guard lock(mutex_);
    return allocated_;
}

}  // namespace pilotfish::daemon
