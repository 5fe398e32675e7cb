#include "daemon/event_log.h"

#include <algorithm>

#include "daemon/log_format.h"

namespace pilotfish::daemon {

std::uint64_t EventLog::base_now() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now).count();
    return static_cast<std::uint64_t>(seconds) << 20;
}

void EventLog::record(std::string_view kind, std::string_view worker, std::string text,
                      Fields fields) {
    http::EventView event;
    append_time(event.time, std::chrono::system_clock::now());
    event.kind = kind;
    event.worker = worker;
    event.text = std::move(text);
    event.fields = std::move(fields);
    std::vector<std::shared_ptr<Waker>> awake;
    {
        const std::lock_guard lock(mutex_);
        event.id = ++last_;
        events_.push_back(std::move(event));
        if (events_.size() > kKept) events_.pop_front();
        std::erase_if(wakers_, [](const auto& waker) { return waker.expired(); });
        for (const auto& waker : wakers_) {
            if (auto alive = waker.lock()) awake.push_back(std::move(alive));
        }
    }
    // Outside the lock: a waker may lead straight back here.
    for (const auto& waker : awake) (*waker)();
}

void EventLog::save(Handover& handover) const {
    const std::lock_guard lock(mutex_);
    handover.event_base = base_;
    handover.event_last = last_;
    for (const http::EventView& event : events_)
        handover.events.push_back({event.time, event.kind, event.worker, event.text, event.fields});
}

void EventLog::adopt(const Handover& handover) {
    const std::lock_guard lock(mutex_);
    // From a release that handed over no events, or made more of them than ids.
    if (handover.event_last < handover.event_base + handover.events.size()) return;
    base_ = handover.event_base;
    last_ = handover.event_last;
    std::uint64_t id = last_ - handover.events.size();
    for (const EventHandover& from : handover.events) {
        http::EventView event;
        event.id = ++id;
        event.time = from.time;
        event.kind = from.kind;
        event.worker = from.worker;
        event.text = from.text;
        event.fields = from.fields;
        events_.push_back(std::move(event));
    }
}

EventLog::Batch EventLog::after(std::uint64_t id, std::size_t most) const {
    const std::lock_guard lock(mutex_);
    Batch batch;
    // To a reader of an earlier life, or with an id that never was, everything is new.
    if (id < base_ || id > last_) id = base_;
    const std::uint64_t forgotten = last_ - events_.size();  // up to and with this one
    const std::uint64_t first = std::max(id, forgotten);
    batch.missed = first - id;
    const std::uint64_t end = std::min<std::uint64_t>(last_, first + most);
    const auto at = [&](std::uint64_t place) {
        return events_.begin() + static_cast<std::ptrdiff_t>(place - forgotten);
    };
    batch.events.assign(at(first), at(end));
    batch.last = end;
    return batch;
}

std::shared_ptr<const void> EventLog::subscribe(std::function<void()> waker) {
    auto kept = std::make_shared<Waker>(std::move(waker));
    const std::lock_guard lock(mutex_);
    wakers_.push_back(kept);
    return kept;
}

}  // namespace pilotfish::daemon
