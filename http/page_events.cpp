#include <charconv>
#include <optional>

#include "http/event_stream.h"
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {

namespace {

std::optional<std::uint64_t> parse_id(std::string_view text) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    return whole ? std::optional(id) : std::nullopt;
}

}  // namespace

// What came after ?since=ID; of a reader that has lost its connection and asks the same again,
// after its Last-Event-ID.
Response events_page(const Request& request, const PageContext& context) {
    std::uint64_t since = 0;
    if (const auto text = request.param("since"); text && !text->empty()) {
        const auto id = parse_id(*text);
        if (!id)
            return problem_response(400, request.path,
                                    "since needs the id of an event, a whole number");
        since = *id;
    }
    since = parse_id(request.head->field("last-event-id")).value_or(since);
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
    response.stream =
        std::make_unique<EventStream>(context.sources.events(), since, request.flag("follow"));
    return response;
}

}  // namespace pilotfish::http
