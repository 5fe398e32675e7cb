// A worker's log as a response body: JSON lines, or the lines as they are.
//
//     {"cursor":17,"time":"2026-11-23T12:00:00.123Z","stream":"stdout","line":"ready"}
//     {"gap":12}                        so many lines are not kept any more, of both streams
//
// "partial":true marks a piece of a line over the cap: the stream's next line is its rest. What is
// no UTF-8 becomes U+FFFD. While there is nothing to say, an empty line now and then says that
// somebody is there; as text there is none, since it would be a line of the worker's.
//
// As body_stream.h says. Shares the feed. It ends with the daemon or with the worker's removal, not
// with the worker's run.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "http/body_stream.h"
#include "http/log_feed.h"

namespace pilotfish::http {

struct LogQuery {
    std::optional<std::uint64_t> since = {};  // the cursor of the last line that the reader has
    std::optional<std::uint64_t> tail = {};   // at most so many lines of those that are there now
    std::optional<std::string> stream = {};   // nullopt: both
    bool follow = false;
    bool text = false;
};

class LogBody final : public BodyStream {
  public:
    LogBody(std::shared_ptr<LogFeed> feed, LogQuery query,
            std::chrono::milliseconds keep_alive = std::chrono::seconds(10));

    Pull next(std::string& out) override;
    void on_ready(std::function<void()> waker) override;

  private:
    using Clock = std::chrono::steady_clock;
    std::uint64_t first_wanted() const;
    void append(std::string& out, const LogLineView& line) const;
    void append_gap(std::string& out, std::uint64_t lines) const;

    const std::shared_ptr<LogFeed> feed_;
    const LogQuery query_;
    const std::chrono::milliseconds keep_alive_;
    bool begun_ = false;
    std::uint64_t after_ = 0;
    Clock::time_point said_;
    std::shared_ptr<const void> subscription_;
};

}  // namespace pilotfish::http
