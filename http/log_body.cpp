#include "http/log_body.h"

#include <deque>
#include <nlohmann/json.hpp>
#include <utility>

namespace pilotfish::http {
namespace {

using Json = nlohmann::ordered_json;

// About what the guard sends in one piece.
constexpr std::size_t kBytesAPiece = std::size_t{32} << 10;

}  // namespace

LogBody::LogBody(std::shared_ptr<LogFeed> feed, LogQuery query,
                 std::chrono::milliseconds keep_alive)
    : feed_(std::move(feed)),
      query_(std::move(query)),
      keep_alive_(keep_alive),
      said_(Clock::now()) {}

void LogBody::append(std::string& out, const LogLineView& line) const {
    if (query_.text) {
        out.append(line.text) += '\n';
        return;
    }
    Json json{{"cursor", line.cursor}, {"time", line.time}, {"stream", line.stream}};
    if (line.partial) json["partial"] = true;
    json["line"] = line.text;
    out += json.dump(-1, ' ', false, Json::error_handler_t::replace);
    out += '\n';
}

void LogBody::append_gap(std::string& out, std::uint64_t lines) const {
    if (query_.text) {
        out += "pilotfish: " + std::to_string(lines) + (lines == 1 ? " line is" : " lines are") +
               " not kept any more\n";
    } else {
        out += "{\"gap\":" + std::to_string(lines) + "}\n";
    }
}

// The cursor of the line before the first that is asked for.
std::uint64_t LogBody::first_wanted() const {
    const LogFeed::Range range = feed_->range();
    const std::uint64_t since = query_.since.value_or(range.before_oldest);
    if (!query_.tail) return since;
    const std::uint64_t tail = *query_.tail;
    if (!query_.stream) {
        const std::uint64_t kept = range.newest - range.before_oldest;
        const std::uint64_t from = range.newest - std::min(tail, kept);
        // A cursor that never was is not a wish for nothing.
        return since > range.newest ? from : std::max(since, from);
    }
    // Of one stream only a look at them tells how many there are.
    std::deque<std::uint64_t> before;
    std::uint64_t at = range.before_oldest;
    for (bool more = true; more;) {
        const LogFeed::Batch batch = feed_->after(at, kBytesAPiece);
        for (const LogLineView& line : batch.lines) {
            if (line.stream != *query_.stream) continue;
            before.push_back(line.cursor - 1);
            if (before.size() > tail) before.pop_front();
        }
        at = batch.last;
        more = !batch.at_end && at < range.newest;
    }
    const std::uint64_t from = before.empty() ? at : before.front();
    return since > range.newest ? from : std::max(since, from);
}

LogBody::Pull LogBody::next(std::string& out) {
    const std::size_t size = out.size();
    if (!std::exchange(begun_, true)) after_ = first_wanted();
    const LogFeed::Batch batch = feed_->after(after_, kBytesAPiece);
    if (batch.missed > 0) append_gap(out, batch.missed);
    for (const LogLineView& line : batch.lines)
        if (!query_.stream || line.stream == *query_.stream) append(out, line);
    after_ = batch.last;
    const Clock::time_point now = Clock::now();
    if (out.size() == size && now - said_ >= keep_alive_ && !query_.text) out += '\n';
    if (out.size() > size) said_ = now;
    if (!batch.at_end) return Pull::more;
    return query_.follow && !batch.ended ? Pull::wait : Pull::end;
}

void LogBody::on_ready(std::function<void()> waker) {
    if (query_.follow) subscription_ = feed_->subscribe(std::move(waker));
}

}  // namespace pilotfish::http
