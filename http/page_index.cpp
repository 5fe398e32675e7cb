#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {
namespace {

std::string escape_html(std::string_view text) {
    std::string out;
    for (char letter : text) {
        switch (letter) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            default: out += letter;
        }
    }
    return out;
}

std::string row(const Route& route) {
    const std::string path = escape_html(route.path);
    const bool plain = route.path.find('{') == std::string_view::npos;
    std::string link = plain ? "<a href=\"" + path + "\">" + path + "</a>" : path;
    return "<tr><td>" + std::string(route.method) + "</td><td>" + link + "</td><td>" +
           std::string(level_name(route.level)) + "</td><td>" + escape_html(route.help) +
           "</td></tr>\n";
}

}  // namespace

Response index_page(const Request&, const PageContext&) {
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("Content-Security-Policy", "default-src 'none'");
    response.body =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>pilotfish</title></head><body>\n"
        "<h1>pilotfish</h1>\n<table>\n"
        "<tr><th>method</th><th>path</th><th>level</th><th>answer</th></tr>\n";
    for (const Route& route : routes()) response.body += row(route);
    response.body += "</table>\n</body></html>\n";
    return response;
}

}  // namespace pilotfish::http
