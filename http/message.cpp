#include "http/message.h"

#include <array>

#include "http/render.h"

namespace pilotfish::http {
namespace {

struct Phrase {
    int status;
    std::string_view text;
};

constexpr std::array kPhrases = {
    Phrase{200, "OK"},
    Phrase{202, "Accepted"},
    Phrase{400, "Bad Request"},
    Phrase{401, "Unauthorized"},
    Phrase{403, "Forbidden"},
    Phrase{404, "Not Found"},
    Phrase{405, "Method Not Allowed"},
    Phrase{408, "Request Timeout"},
    Phrase{409, "Conflict"},
    Phrase{411, "Length Required"},
    Phrase{413, "Content Too Large"},
    Phrase{414, "URI Too Long"},
    Phrase{417, "Expectation Failed"},
    Phrase{429, "Too Many Requests"},
    Phrase{431, "Request Header Fields Too Large"},
    Phrase{500, "Internal Server Error"},
    Phrase{501, "Not Implemented"},
    Phrase{503, "Service Unavailable"},
    Phrase{505, "HTTP Version Not Supported"},
};

}  // namespace

std::string_view level_name(Level level) {
    switch (level) {
        case Level::open: return "open";
        case Level::metrics: return "metrics";
        case Level::read: return "read";
        case Level::admin: return "admin";
    }
    return "";
}

std::string_view reason_phrase(int status) {
    for (const Phrase& phrase : kPhrases) {
        if (phrase.status == status) return phrase.text;
    }
    return "Status";
}

std::optional<std::string_view> Request::param(std::string_view key) const {
    for (const auto& [name_of, value] : params) {
        if (name_of == key) return std::string_view(value);
    }
    return std::nullopt;
}

bool Request::flag(std::string_view key) const {
    const auto value = param(key);
    return value && *value != "0" && *value != "false";
}

Response text_response(int status, std::string body) {
    Response response;
    response.status = status;
    response.body = std::move(body);
    return response;
}

Response json_response(std::string body) {
    Response response;
    response.content_type = "application/json";
    response.body = std::move(body);
    return response;
}

Response problem_response(int status, std::string_view path, std::string detail) {
    constexpr std::string_view kPprof = "/debug/pprof";
    if (path.substr(0, kPprof.size()) == kPprof) {
        // `go tool pprof` shows its user the text of an answer that carries this header.
        Response response = text_response(status, std::move(detail) + "\n");
        response.headers.emplace_back("X-Go-Pprof", "1");
        return response;
    }
    Response response;
    response.status = status;
    response.content_type = "application/problem+json";
    response.body = render_problem(status, detail);
    return response;
}

}  // namespace pilotfish::http
