// What changes something. The level admin is the router's matter; that nothing changes by GET, the
// route table's.
#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "http/control.h"
#include "http/control_stream.h"
#include "http/pages.h"
#include "http/peer.h"
#include "http/routes.h"

namespace pilotfish::http {
namespace {

using std::chrono::milliseconds;

// Chosen: longer than any worker's start; who waits longer asks again.
constexpr milliseconds kLongestWait = std::chrono::hours(1);
std::string who_asks(const Request& request) {
    return request.peer == nullptr ? std::string("somebody") : describe(*request.peer);
}

// "10s", "250ms", "2m", "1h", "0".
std::optional<milliseconds> parse_wait(std::string_view text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number < 0 || number > 1'000'000'000) return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit == "ms") return milliseconds(number);
    if (unit == "s") return std::chrono::seconds(number);
    if (unit == "m") return std::chrono::minutes(number);
    if (unit == "h") return std::chrono::hours(number);
    if (unit.empty() && number == 0) return milliseconds(0);
    return std::nullopt;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// What forms write as %2B and +. What is no such thing stays as it is.
std::string form_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const int high = text[at] == '%' && at + 2 < text.size() ? hex_digit(text[at + 1]) : -1;
        const int low = high >= 0 ? hex_digit(text[at + 2]) : -1;
        if (low >= 0) {
            decoded += static_cast<char>(high * 16 + low);
            at += 2;
        } else {
            decoded += text[at] == '+' ? ' ' : text[at];
        }
    }
    return decoded;
}

// A field of the query, or of a body as curl -d sends it: "signal=HUP&wait=1s".
std::optional<std::string> field_of(const Request& request, std::string_view name) {
    if (const auto value = request.param(name)) return std::string(*value);
    std::string_view body = request.body;
    while (!body.empty()) {
        const std::string_view pair = body.substr(0, body.find('&'));
        body.remove_prefix(std::min(body.size(), pair.size() + 1));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=') {
            std::string_view value = pair.substr(name.size() + 1);
            while (!value.empty() && (value.back() == '\n' || value.back() == '\r'))
                value.remove_suffix(1);
            return form_decoded(value);
        }
    }
    return std::nullopt;
}

Response with_status(Response response, int status) {
    response.status = status;
    return response;
}

Response no_control(const Request& request) {
    return problem_response(501, request.path, "nothing can be changed here");
}

Response act(const Request& request, const PageContext& context, WorkerAction action) {
    Control* const control = context.sources.control();
    if (control == nullptr) return no_control(request);
    std::string signal;
    if (action == WorkerAction::signal) {
        signal = field_of(request, "signal").value_or("");
        // The form of a query writes a blank as +, and so RTMIN+1 arrives with a blank.
        std::replace(signal.begin(), signal.end(), ' ', '+');
        if (signal.empty())
            return problem_response(400, request.path, "which signal? as in ?signal=HUP");
    }
    milliseconds wait{0};
    if (const auto text = field_of(request, "wait")) {
        const auto parsed = parse_wait(*text);
        if (!parsed || *parsed > kLongestWait || action == WorkerAction::signal)
            return problem_response(
                400, request.path,
                action == WorkerAction::signal
                    ? "nobody can tell when a signal has done its work: no wait here"
                    : "wait needs a time with its unit, such as 500ms or 10s, of at most 1h");
        wait = *parsed;
    }
    if (wait > milliseconds(0) && ControlStream::count() >= ControlStream::kMost) {
        Response busy = problem_response(503, request.path,
                                         "too many wait already; nothing was done: ask without "
                                         "wait, or later");
        busy.headers.emplace_back("Retry-After", "1");
        return busy;
    }
    ControlAnswer answer = control->act(action, request.name, signal, who_asks(request));
    if (answer.status >= 400) return problem_response(answer.status, request.path, answer.problem);
    Response response;
    response.status = answer.status;
    response.content_type = "application/json";
    response.after = Afterwards(std::move(answer.afterwards));
    if (wait == milliseconds(0)) {
        response.body = control_body(context.sources, action, answer.workers);
    } else {
        response.stream =
            std::make_unique<ControlStream>(context.sources, action, std::move(answer.workers),
                                            std::chrono::steady_clock::now() + wait);
    }
    return response;
}

Response whole(const Request& request, ControlAnswer answer) {
    if (answer.status >= 400) return problem_response(answer.status, request.path, answer.problem);
    Response response = with_status(
        json_response(answer.json.empty() ? std::string("{}\n") : std::move(answer.json)),
        answer.status);
    response.after = Afterwards(std::move(answer.afterwards));
    return response;
}

}  // namespace

Response start_page(const Request& request, const PageContext& context) {
    return act(request, context, WorkerAction::start);
}

Response stop_page(const Request& request, const PageContext& context) {
    return act(request, context, WorkerAction::stop);
}

Response restart_page(const Request& request, const PageContext& context) {
    return act(request, context, WorkerAction::restart);
}

Response signal_page(const Request& request, const PageContext& context) {
    return act(request, context, WorkerAction::signal);
}

Response shutdown_page(const Request& request, const PageContext& context) {
    Control* const control = context.sources.control();
    return control ? whole(request, control->shut_down(who_asks(request))) : no_control(request);
}

Response upgrade_page(const Request& request, const PageContext& context) {
    Control* const control = context.sources.control();
    return control ? whole(request, control->upgrade(who_asks(request))) : no_control(request);
}

Response reload_page(const Request& request, const PageContext& context) {
    Control* const control = context.sources.control();
    if (control == nullptr) return no_control(request);
    return whole(request, control->reload(request.flag("dry_run"), who_asks(request)));
}

}  // namespace pilotfish::http
