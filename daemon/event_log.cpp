#include "daemon/event_log.h"

#include <algorithm>

#include "daemon/log_format.h"

namespace pilotfish::daemon {

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

EventLog::Batch EventLog::after(std::uint64_t id, std::size_t most) const {
    const std::lock_guard lock(mutex_);
    Batch batch;
    // An id from before our own start (a reader that comes back): everything is new to it.
    if (id > last_) id = 0;
    const std::uint64_t forgotten = last_ - events_.size();
    batch.missed = id < forgotten && id > 0 ? forgotten - id : 0;
    const std::uint64_t first = std::max(id, forgotten);
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
