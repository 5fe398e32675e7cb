// What has happened, one thing after another: the daemon's record as /v1/events shows it.
//
// Any thread. A feed outlives the server; a subscription may outlive everybody who would call it.
// Blocks: short locks. Fails: never; what was forgotten is counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pilotfish::http {

struct EventView {
    std::uint64_t id = 0;  // each one more than the one before; those of a later life are larger
    std::string time;      // "2026-11-23T12:00:00.123Z"
    std::string kind;      // "worker", "limits", "memory", "oom"
    std::string worker;    // whom it is about; empty: the container
    std::string text;      // one sentence for people
    std::vector<std::pair<std::string, std::string>> fields;  // for programs, by name
};

class EventFeed {
  public:
    virtual ~EventFeed() = default;

    struct Batch {
        std::vector<EventView> events;
        std::uint64_t missed = 0;  // of those asked for, forgotten meanwhile
        std::uint64_t last = 0;    // what to ask for next time
    };
    // The events after that id, oldest first, at most so many.
    virtual Batch after(std::uint64_t id, std::size_t most) const = 0;
    // The waker is called after each new event, on whatever thread that happens, as long as what is
    // returned is kept; a call under way may come a moment later. It must not block.
    virtual std::shared_ptr<const void> subscribe(std::function<void()> waker) = 0;
};

}  // namespace pilotfish::http
