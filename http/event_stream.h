// Events as server-sent events (the HTML standard, 9.2): for each one its id, its kind as the
// event's name and an object of JSON. A gap is told by an event named "gap" with the number of
// events lost.
//
// As body_stream.h says. Borrows the feed.
#pragma once

#include "http/body_stream.h"
#include "http/event_feed.h"

namespace pilotfish::http {

class EventStream final : public BodyStream {
  public:
    // after: the id of the last event that the reader has. follow: stay for those to come.
    EventStream(EventFeed& feed, std::uint64_t after, bool follow)
        : feed_(feed), after_(after), follow_(follow) {}

    Pull next(std::string& out) override;
    void on_ready(std::function<void()> waker) override;

  private:
    EventFeed& feed_;
    std::uint64_t after_;
    const bool follow_;
    bool greeted_ = false;
    std::shared_ptr<const void> subscription_;
};

// Appends one event as it is sent.
void append_event(std::string& out, const EventView& event);

}  // namespace pilotfish::http
