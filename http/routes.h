// The one table of routes: it feeds the router, the index page and http/README.md (compared both
// ways by a test). A new route is one line here and one page function.
//
// Any thread; constant. Nothing here blocks; pages say what they do.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "http/access.h"
#include "http/message.h"
#include "http/server.h"
#include "http/stats.h"

namespace pilotfish::http {

// What every page may look at.
struct PageContext {
    const Sources& sources;
    const PlaneStats& stats;
};

struct Route {
    std::string_view method;  // GET answers HEAD too
    std::string_view path;    // "{name}" stands for one segment
    Level level;
    // Answered on the thread that owns the sockets, never behind the pool; served by probe
    // listeners too. Such a page must not block.
    bool probe;
    Response (*page)(const Request&, const PageContext&);
    std::string_view help;
};

std::span<const Route> routes();

// Decides on path, listener, method and level, and lets the page answer.
class Router {
  public:
    Router(PageContext context, Access& access) : context_(context), access_(access) {}

    struct Outcome {
        Response response;
        std::size_t route = PlaneStats::kNoRoute;
    };
    Outcome answer(Request& request, const Peer& peer, ListenerKind listener) const;

    // Whether the path of a target (as sent) is a probe's.
    static bool is_probe(std::string_view target);

  private:
    Response refuse_level(const Request& request, const Access::Grant& grant, Level needed) const;

    PageContext context_;
    Access& access_;
};

// The route table as README.md shows it.
std::string routes_markdown();

}  // namespace pilotfish::http
