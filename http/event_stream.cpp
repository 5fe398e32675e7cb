#include "http/event_stream.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace pilotfish::http {
namespace {

using Json = nlohmann::ordered_json;

// A piece of a few KiB; the guard asks for more while there is room.
constexpr std::size_t kEventsAPiece = 32;

std::string print(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

void append_event(std::string& out, const EventView& event) {
    Json fields = Json::object();
    for (const auto& [name, value] : event.fields) fields[name] = value;
    const Json json{
        {"id", event.id},     {"time", event.time},
        {"kind", event.kind}, {"worker", event.worker.empty() ? Json(nullptr) : Json(event.worker)},
        {"text", event.text}, {"fields", std::move(fields)}};
    out += "id: " + std::to_string(event.id) + "\nevent: " + event.kind + "\ndata: ";
    out += print(json);  // JSON has no line breaks of its own
    out += "\n\n";
}

EventStream::Pull EventStream::next(std::string& out) {
    const std::size_t before = out.size();
    // Tells proxies and readers at once that somebody is there.
    if (!std::exchange(greeted_, true)) out += ": pilotfish events\n\n";
    const EventFeed::Batch batch = feed_.after(after_, kEventsAPiece);
    if (batch.missed > 0)
        out += "event: gap\ndata: {\"missed\":" + std::to_string(batch.missed) + "}\n\n";
    for (const EventView& event : batch.events) append_event(out, event);
    after_ = batch.last;
    // Still there: a proxy would cut a silent connection, and a reader that has left be kept.
    if (out.size() == before) out += ":\n\n";
    if (batch.events.size() == kEventsAPiece) return Pull::more;
    return follow_ ? Pull::wait : Pull::end;
}

void EventStream::on_ready(std::function<void()> waker) {
    if (follow_) subscription_ = feed_.subscribe(std::move(waker));
}

}  // namespace pilotfish::http
