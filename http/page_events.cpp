#include <charconv>

#include "http/event_stream.h"
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {

// ?since=ID, or the Last-Event-ID of a reader that has lost its connection: what came after that.
Response events_page(const Request& request, const PageContext& context) {
    std::string_view text = request.param("since").value_or("");
    if (text.empty()) text = request.head->field("last-event-id");
    std::uint64_t since = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), since);
    if (!text.empty() && (error != std::errc() || end != text.data() + text.size())) {
        return problem_response(400, request.path,
                                "since needs the id of an event, a whole number");
    }
    Response response;
    response.content_type = "text/event-stream";
    response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold events back
    response.stream =
        std::make_unique<EventStream>(context.sources.events(), since, request.flag("follow"));
    return response;
}

}  // namespace pilotfish::http
