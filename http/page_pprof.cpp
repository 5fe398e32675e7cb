// The paths and parameters of Go's net/http/pprof.
#include "http/pages.h"
#include "http/routes.h"

namespace pilotfish::http {

Response pprof_index_page(const Request&, const PageContext& context) {
    const std::string tasks = std::to_string(context.sources.runtime().tasks);
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.body =
        "<!DOCTYPE html>\n<html lang=\"en\"><head><title>/debug/pprof/</title></head><body>\n"
        "<h1>/debug/pprof/</h1>\n<table>\n<tr><th>Count</th><th>Profile</th></tr>\n"
        "<tr><td>" +
        tasks +
        "</td><td><a href=\"goroutine?debug=1\">goroutine</a></td></tr>\n"
        "<tr><td>1</td><td><a href=\"cmdline\">cmdline</a></td></tr>\n"
        "</table>\n<p><a href=\"goroutine?debug=2\">full task stack dump</a></p>\n"
        "</body></html>\n";
    return response;
}

Response pprof_tasks_page(const Request& request, const PageContext& context) {
    const std::string_view debug = request.param("debug").value_or("0");
    if (debug != "1" && debug != "2") {
        return problem_response(501, request.path,
                                "the protobuf form (debug=0) is not there: use debug=1 or debug=2");
    }
    if (request.param("seconds")) {
        return problem_response(400, request.path, "seconds and debug params are incompatible");
    }
    Response response;
    response.headers.emplace_back("X-Content-Type-Options", "nosniff");
    response.stream = context.sources.dump_tasks(debug == "1" ? TaskDump::grouped : TaskDump::full);
    return response;
}

Response pprof_cmdline_page(const Request&, const PageContext& context) {
    Response response;
    for (const std::string& argument : context.sources.command_line()) {
        if (!response.body.empty()) response.body += '\0';
        response.body += argument;
    }
    return response;
}

}  // namespace pilotfish::http
