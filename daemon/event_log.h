// The record of what happened to the container and its workers: state changes, changed limits,
// steps taken because of memory, OOM verdicts. The last thousand are kept for whoever asks later.
//
// Any thread. Owns its events. Blocks: a short lock; record() then wakes who follows. Fails: never;
// the oldest events are forgotten, and counted for a reader who comes too late.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/handover.h"
#include "http/event_feed.h"

namespace pilotfish::daemon {

class EventLog final : public http::EventFeed {
  public:
    // Some 300 KiB when full: a day of a container that restarts something each minute. Chosen.
    static constexpr std::size_t kKept = 1024;

    // Ids begin after this one. A reader that comes back must not take the ids of this life for
    // those of the one before: base_now() is larger than any id of an earlier life.
    explicit EventLog(std::uint64_t base = base_now()) : base_(base), last_(base) {}
    // Seconds since 1970 with room for a million events each; JSON's numbers hold it exactly.
    static std::uint64_t base_now();

    using Fields = std::vector<std::pair<std::string, std::string>>;
    // worker: empty for the container. text: one sentence.
    void record(std::string_view kind, std::string_view worker, std::string text,
                Fields fields = {});

    // Into and out of an upgrade: the ids go on, so readers come back to where they were.
    void save(Handover& handover) const;
    void adopt(const Handover& handover);

    Batch after(std::uint64_t id, std::size_t most) const override;
    std::shared_ptr<const void> subscribe(std::function<void()> waker) override;

  private:
    using Waker = std::function<void()>;
    mutable std::mutex mutex_;
    std::uint64_t base_;
    std::uint64_t last_;
    std::deque<http::EventView> events_;  // ids without gaps, last_ at the end
    std::vector<std::weak_ptr<Waker>> wakers_;
};

}  // namespace pilotfish::daemon
