#include "http/routes.h"

#include <array>

#include "http/pages.h"

namespace pilotfish::http {
namespace {

constexpr std::array kRoutes = {
    Route{"GET", "/", Level::open, false, index_page, "This list"},
    Route{
        "GET", "/livez", Level::open, true, livez_page,
        "200 or 503: the scheduler's heartbeat, and workers with LIVEZ; ?verbose names each cause"},
    Route{"GET", "/healthz", Level::open, true, livez_page, "The same as /livez"},
    Route{"GET", "/readyz", Level::open, true, readyz_page,
          "200 or 503: every service that is not OPTIONAL is ready; ?verbose names each cause"},
    Route{"GET", "/startupz", Level::open, true, startupz_page,
          "200 or 503: the start has succeeded once; ?verbose names each cause"},
    Route{"GET", "/metrics", Level::metrics, false, metrics_page,
          "Prometheus text 0.0.4, OpenMetrics 1.0 when asked for by Accept"},
    Route{"GET", "/v1/runtime", Level::read, false, runtime_page,
          "Scheduler and memory statistics"},
    Route{"GET", "/v1/limits", Level::read, false, limits_page,
          "What the container allows and what was derived, as pilotfish limits --json"},
    Route{"GET", "/v1/workers", Level::read, false, workers_page, "Every worker"},
    Route{"GET", "/v1/workers/{name}", Level::read, false, worker_page, "One worker"},
    Route{"GET", "/v1/workers/{name}/logs", Level::read, false, worker_log_page,
          "The worker's last lines as JSON lines: ?tail=N, ?since=CURSOR, ?stream=stdout, "
          "?format=text, and ?follow to stay"},
    Route{"POST", "/v1/workers/{name}/start", Level::admin, false, start_page,
          "Starts a worker that is over, or at once if it waits to; ?wait=10s until it is ready"},
    Route{"POST", "/v1/workers/{name}/stop", Level::admin, false, stop_page,
          "Stops a worker until it is started again; ?wait=10s until it is over"},
    Route{"POST", "/v1/workers/{name}/restart", Level::admin, false, restart_page,
          "Stops a worker and starts it again at once; ?wait=10s until it is ready"},
    Route{"POST", "/v1/workers/{name}/signal", Level::admin, false, signal_page,
          "Sends a worker's process the signal named by ?signal=HUP"},
    Route{"POST", "/v1/shutdown", Level::admin, false, shutdown_page,
          "Stops all workers in order, then the daemon"},
    Route{"POST", "/v1/upgrade", Level::admin, false, upgrade_page,
          "Replaces the daemon by the program that lies at its path, and keeps the workers"},
    Route{"POST", "/v1/config/reload", Level::admin, false, reload_page,
          "Reads the configuration again and applies what changed; ?dry_run tells it only"},
    Route{"GET", "/v1/config", Level::read, false, config_page,
          "Every setting with who decided it; secrets are blank"},
    Route{"GET", "/v1/events", Level::read, false, events_page,
          "What has happened, as server-sent events: ?since=ID, and ?follow to stay"},
    Route{"GET", "/debug/pprof/", Level::read, false, pprof_index_page, "The profiles there are"},
    Route{"GET", "/debug/pprof/goroutine", Level::read, false, pprof_tasks_page,
          "Stacks of all tasks: ?debug=1 grouped, ?debug=2 each one"},
    Route{"GET", "/debug/pprof/tasks", Level::read, false, pprof_tasks_page,
          "The same as /debug/pprof/goroutine"},
    Route{"GET", "/debug/pprof/cmdline", Level::read, false, pprof_cmdline_page,
          "The arguments of this process, separated by NUL"},
    Route{"GET", "/debug/capabilities", Level::read, false, capabilities_page,
          "Which diagnostics work in this container, and what to change for the others"},
};

// True when path fits pattern; name becomes what {name} stands for.
bool fits(std::string_view pattern, std::string_view path, std::string& name) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) return pattern == path;
    const std::size_t close = pattern.find('}', open);
    const std::string_view before = pattern.substr(0, open);
    const std::string_view after = pattern.substr(close + 1);
    if (path.size() <= before.size() + after.size() || path.substr(0, before.size()) != before ||
        path.substr(path.size() - after.size()) != after) {
        return false;
    }
    const std::string_view middle =
        path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return false;
    name = middle;
    return true;
}

bool serves(ListenerKind listener, const Route& route) {
    switch (listener) {
        case ListenerKind::admin: return true;
        case ListenerKind::probe: return route.probe;
        case ListenerKind::metrics: return route.path == "/metrics";
    }
    return false;
}

bool answers(const Route& route, std::string_view method) {
    return route.method == method || (route.method == "GET" && method == "HEAD");
}

std::string mend_for(const Request& request, Level needed) {
    if (needed == Level::admin && request.peer != nullptr && request.peer->unix_socket)
        return "ask as root or as the daemon's own user, in its container, or show the admin token";
    if (needed == Level::admin) return "connect over the control socket, or show the admin token";
    return "connect over loopback or the control socket, or show the read or admin token";
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

bool Router::is_probe(std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    for (const Route& route : kRoutes) {
        if (route.probe && route.path == path) return true;
    }
    return false;
}

Response Router::refuse_level(const Request& request, const Access::Grant& grant,
                              Level needed) const {
    const std::string wants = "this needs the level " + std::string(level_name(needed));
    if (grant.token_shown && !grant.token_good) {
        Response response =
            problem_response(401, request.path, wants + "; the token shown is not known");
        response.headers.emplace_back("WWW-Authenticate", "Bearer error=\"invalid_token\"");
        return response;
    }
    const std::string has = wants + ", and the request has " + std::string(level_name(grant.level));
    if (!grant.token_shown && access_.token_could_give(needed)) {
        Response response =
            problem_response(401, request.path, has + ": " + mend_for(request, needed));
        response.headers.emplace_back("WWW-Authenticate", "Bearer");
        return response;
    }
    return problem_response(
        403, request.path,
        has + ": " + mend_for(request, needed) +
            (access_.token_could_give(needed)
                 ? ""
                 : " (none is configured; PILOTFISH_ADMIN_TOKEN_FILE sets one)"));
}

Router::Outcome Router::answer(Request& request, const Peer& peer, ListenerKind listener) const {
    std::string allow;
    for (std::size_t index = 0; index < kRoutes.size(); ++index) {
        const Route& route = kRoutes[index];
        if (!serves(listener, route) || !fits(route.path, request.path, request.name)) continue;
        if (!answers(route, request.method)) {
            allow += (allow.empty() ? "" : ", ") + std::string(route.method) +
                     (route.method == "GET" ? ", HEAD" : "");
            continue;
        }
        if (route.level == Level::open) return {route.page(request, context_), index};
        const Access::Grant grant = access_.judge(peer, *request.head);
        request.level = grant.level;
        request.peer = &peer;
        if ((grant.token_shown && !grant.token_good) ||
            (grant.level < route.level && listener != ListenerKind::metrics)) {
            return {refuse_level(request, grant, route.level), index};
        }
        // Somebody who shows a token is no web page that tricked a browser.
        const std::string_view cross_site =
            grant.token_good ? std::string_view() : cross_site_reason(peer, *request.head);
        if (!cross_site.empty()) {
            return {problem_response(403, request.path, std::string(cross_site)), index};
        }
        return {route.page(request, context_), index};
    }
    if (!allow.empty()) {
        Response response = problem_response(405, request.path, "this path answers " + allow);
        response.headers.emplace_back("Allow", allow);
        return {std::move(response), PlaneStats::kNoRoute};
    }
    return {problem_response(404, request.path, "there is no such path here"),
            PlaneStats::kNoRoute};
}

std::string routes_markdown() {
    std::string text = "| method | path | level | answer |\n|---|---|---|---|\n";
    for (const Route& route : kRoutes) {
        text += "| " + std::string(route.method) + " | `" + std::string(route.path) + "` | " +
                std::string(level_name(route.level)) + " | " + std::string(route.help) + " |\n";
    }
    return text;
}

}  // namespace pilotfish::http
