#include "http/engine.h"

#include <netdb.h>

#include <csignal>

// httplib's Server constructor sets SIGPIPE to "ignore" for the whole process, which every worker
// started afterwards would inherit. We never write to a socket without MSG_NOSIGNAL. Its client,
// which we do not use, would link a resolver into the static build.
#define signal(number, handler) static_cast<void>(0)
#define getaddrinfo(node, service, hints, result) EAI_FAIL
#include <httplib.h>
#undef getaddrinfo
#undef signal

#include <algorithm>
#include <cstring>

#include "core/log.h"

namespace pilotfish::http {
namespace {

// What one call of answer() and the handler inside it tell each other.
struct Exchange {
    const Head& head;
    std::string_view body;
    const Peer& peer;
    ListenerKind listener;
    bool close;
    Router::Outcome outcome;
};

thread_local Exchange* current_exchange = nullptr;

class MemoryStream final : public httplib::Stream {
  public:
    explicit MemoryStream(std::string_view in) : in_(in) {}

    bool is_readable() const override { return true; }
    bool is_writable() const override { return true; }
    ssize_t read(char* to, size_t size) override {
        const std::size_t count = std::min(size, in_.size());
        std::memcpy(to, in_.data(), count);
        in_.remove_prefix(count);
        return static_cast<ssize_t>(count);
    }
    ssize_t write(const char* from, size_t size) override {
        out_.append(from, size);
        return static_cast<ssize_t>(size);
    }
    void get_remote_ip_and_port(std::string&, int&) const override {}
    void get_local_ip_and_port(std::string&, int&) const override {}
    socket_t socket() const override { return -1; }

    std::string take() { return std::move(out_); }

  private:
    std::string_view in_;
    std::string out_;
};

// httplib gives up on a second '?' and loses what follows a second '='. Both are legal in a query.
void append_target(std::string& out, std::string_view target) {
    const std::size_t question = target.find('?');
    out += target.substr(0, question);
    if (question == std::string_view::npos) return;
    out += '?';
    bool in_value = false;
    for (char letter : target.substr(question + 1)) {
        if (letter == '&') in_value = false;
        if (letter == '?') {
            out += "%3F";
        } else if (letter == '=' && in_value) {
            out += "%3D";
        } else {
            out += letter;
        }
        if (letter == '=') in_value = true;
    }
}

std::string canonical_request(const Head& head) {
    std::string text;
    text.reserve(head.method.size() + head.target.size() + head.host.size() + 32);
    text += head.method;
    text += ' ';
    append_target(text, head.target);
    text += " HTTP/1.1\r\nHost: ";
    text += head.host;
    text += "\r\n\r\n";
    return text;
}

// RFC 9110 section 9.1; what httplib's parser would take for a malformed request.
bool is_known_method(std::string_view method) {
    constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST", "PUT",
                                             "DELETE", "OPTIONS", "PATCH"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

std::string stream_head(const Response& response, bool chunked, bool close) {
    std::string text = "HTTP/1.1 " + std::to_string(response.status) + " ";
    text += reason_phrase(response.status);
    text += "\r\nContent-Type: " + response.content_type + "\r\nCache-Control: no-store\r\n";
    for (const auto& [name, value] : response.headers) text += name + ": " + value + "\r\n";
    if (chunked) text += "Transfer-Encoding: chunked\r\n";
    if (close) text += "Connection: close\r\n";
    return text + "\r\n";
}

}  // namespace

class Engine::Httplib final : public httplib::Server {
  public:
    explicit Httplib(const Router& router) : router_(router) {
        set_pre_routing_handler([this](const httplib::Request& in, httplib::Response& out) {
            answer_page(in, out, *current_exchange);
            return HandlerResponse::Handled;
        });
        set_post_routing_handler([](const httplib::Request&, httplib::Response& out) {
            // Ranges are not served, whatever httplib says in its answers to HEAD; and what keeps a
            // connection open is the guard's business.
            out.headers.erase("Accept-Ranges");
            out.headers.erase("Keep-Alive");
        });
    }

    std::string run(MemoryStream& stream, bool close) {
        bool closed = false;
        process_request(stream, close, closed, nullptr);
        return stream.take();
    }

  private:
    void answer_page(const httplib::Request& in, httplib::Response& out, Exchange& exchange) const {
        Request request;
        request.method = in.method;
        request.path = in.path;
        request.params.assign(in.params.begin(), in.params.end());
        request.head = &exchange.head;
        request.body = exchange.body;
        try {
            exchange.outcome = router_.answer(request, exchange.peer, exchange.listener);
        } catch (const std::exception& error) {
            core::log(core::LogLevel::error, "http",
                      "cannot answer " + request.path + ": " + error.what());
            exchange.outcome.response =
                problem_response(500, request.path, "the page failed; the log says why");
        }
        Response& response = exchange.outcome.response;
        out.status = response.status;
        if (response.stream) return;  // the guard writes it
        for (const auto& [name, value] : response.headers) out.set_header(name, value);
        // An HTTP/1.0 client takes an answer without this for the connection's last.
        if (exchange.head.minor_version == 0 && !exchange.close) {
            out.set_header("Connection", "keep-alive");
        }
        out.set_header("Cache-Control", "no-store");
        out.set_header("X-Content-Type-Options", "nosniff");
        if (!response.body.empty()) out.set_header("Content-Type", response.content_type);
        out.body = std::move(response.body);
    }

    const Router& router_;
};

Engine::Engine(const Router& router) : httplib_(std::make_unique<Httplib>(router)) {}
Engine::~Engine() = default;

Answer Engine::answer(const Head& head, std::string_view body, const Peer& peer,
                      ListenerKind listener, bool close) const {
    if (!is_known_method(head.method)) {
        return refusal_answer(501, "this method is not known here");
    }
    Exchange exchange{head, body, peer, listener, close, {}};
    const std::string text = canonical_request(head);
    MemoryStream stream(text);
    current_exchange = &exchange;
    Answer answer;
    answer.bytes = httplib_->run(stream, close);
    current_exchange = nullptr;
    Response& response = exchange.outcome.response;
    answer.status = response.status;
    answer.route = exchange.outcome.route;
    answer.close = close;
    answer.after = std::move(response.after);
    if (response.stream) {
        answer.chunked = head.minor_version == 1;
        answer.close = close || !answer.chunked;
        answer.bytes = stream_head(response, answer.chunked, answer.close);
        if (head.method != "HEAD") answer.stream = std::move(response.stream);
    }
    return answer;
}

Answer refusal_answer(int status, std::string_view detail) {
    const Response response = problem_response(status, "", std::string(detail));
    Answer answer;
    answer.status = status;
    answer.close = true;
    answer.bytes = "HTTP/1.1 " + std::to_string(status) + " ";
    answer.bytes += reason_phrase(status);
    answer.bytes += "\r\nContent-Type: " + response.content_type +
                    "\r\nContent-Length: " + std::to_string(response.body.size()) +
                    "\r\nCache-Control: no-store\r\nConnection: close\r\n" +
                    (status == 503 ? "Retry-After: 1\r\n" : "") + "\r\n" + response.body;
    return answer;
}

}  // namespace pilotfish::http
