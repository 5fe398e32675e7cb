// A worker's log with canned lines, for the tests of http/.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/log_feed.h"

namespace pilotfish::tests {

// Lines that a test adds by hand; the first `forgotten` are not kept.
class CannedLog final : public http::LogFeed {
  public:
    void add(std::string text, std::string_view stream = "stdout") {
        std::shared_ptr<std::function<void()>> awake;
        {
            const std::lock_guard lock(mutex_);
            http::LogLineView line;
            line.cursor = lines_.size() + 1;
            line.time = "2026-11-23T12:00:00.000Z";
            line.stream = stream;
            line.text = std::move(text);
            lines_.push_back(std::move(line));
            awake = waker_.lock();
        }
        if (awake) (*awake)();
    }
    void end() {
        const std::lock_guard lock(mutex_);
        ended_ = true;
    }
    void forget(std::uint64_t lines) { forgotten_ = lines; }
    void pretend_followers(std::size_t count) { followers_ = count; }
    void mark_partial() { lines_.back().partial = true; }

    Batch after(std::uint64_t cursor, std::size_t) const override {
        const std::lock_guard lock(mutex_);
        Batch batch;
        if (cursor > lines_.size()) cursor = 0;
        if (cursor < forgotten_) batch.missed = forgotten_ - cursor;
        cursor = std::max(cursor, forgotten_);
        // Three at a time, so that a body needs several.
        for (int i = 0; i < 3 && cursor < lines_.size(); ++i)
            batch.lines.push_back(lines_[cursor++]);
        batch.last = cursor;
        batch.at_end = cursor == lines_.size();
        batch.ended = ended_;
        return batch;
    }
    Range range() const override {
        const std::lock_guard lock(mutex_);
        return {forgotten_, lines_.size()};
    }
    std::shared_ptr<const void> subscribe(std::function<void()> waker) override {
        auto kept = std::make_shared<std::function<void()>>(std::move(waker));
        const std::lock_guard lock(mutex_);
        waker_ = kept;
        return kept;
    }
    std::size_t followers() const override { return followers_; }

  private:
    mutable std::mutex mutex_;
    std::vector<http::LogLineView> lines_;
    std::weak_ptr<std::function<void()>> waker_;
    std::uint64_t forgotten_ = 0;
    std::size_t followers_ = 0;
    bool ended_ = false;
};

}  // namespace pilotfish::tests
