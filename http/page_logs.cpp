#include <charconv>
#include <optional>

#include "http/log_body.h"
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {
namespace {

// Of one worker. Each costs a connection of the 256 there are, and work for every line.
constexpr std::size_t kMostFollowers = 16;

// False: it is there and no whole number.
bool read_number(const Request& request, std::string_view name,
                 std::optional<std::uint64_t>& number) {
    const auto text = request.param(name);
    if (!text) return true;
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (text->empty() || error != std::errc() || end != text->data() + text->size()) return false;
    number = value;
    return true;
}

// What is wrong with the question; "": nothing.
std::string read_query(const Request& request, LogQuery& query) {
    if (!read_number(request, "since", query.since))
        return "since needs the cursor of a line, a whole number";
    if (!read_number(request, "tail", query.tail))
        return "tail needs how many lines, a whole number";
    if (const auto stream = request.param("stream")) {
        if (*stream != "stdout" && *stream != "stderr") return "stream needs stdout or stderr";
        query.stream = *stream;
    }
    if (const auto format = request.param("format")) {
        if (*format != "text" && *format != "ndjson") return "format needs ndjson or text";
        query.text = *format == "text";
    }
    query.follow = request.flag("follow");
    return {};
}

}  // namespace

Response worker_log_page(const Request& request, const PageContext& context) {
    auto log = context.sources.log_of(request.name);
    if (!log)
        return problem_response(404, request.path, "there is no worker called " + request.name);
    LogQuery query;
    if (std::string wrong = read_query(request, query); !wrong.empty())
        return problem_response(400, request.path, std::move(wrong));
    if (!log->feed) return problem_response(409, request.path, std::move(log->why_not));
    if (query.follow && log->feed->followers() >= kMostFollowers) {
        return problem_response(429, request.path,
                                "this log has " + std::to_string(kMostFollowers) +
                                    " followers already; end one of them");
    }
    Response response;
    response.content_type = query.text ? "text/plain; charset=utf-8" : "application/x-ndjson";
    response.headers.emplace_back("X-Accel-Buffering", "no");  // nginx would hold lines back
    response.stream = std::make_unique<LogBody>(std::move(log->feed), std::move(query));
    return response;
}

}  // namespace pilotfish::http
