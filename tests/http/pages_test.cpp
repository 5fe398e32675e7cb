#include <nlohmann/json.hpp>

#include "http/render.h"
#include "http/routes.h"
#include "tests/http/canned_log.h"
#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

class Pages : public ServerFixture {};
using Json = nlohmann::json;

TEST(RenderLimits, IsTheContractsExampleToTheByte) {
    const http::LimitsView view = CannedSources().limits();
    EXPECT_EQ(
        http::render_limits(view.limits, view.derived),
        R"({"cpu":{"state":"limited","cpus":1.5,"version":2,"source":"/sys/fs/cgroup/cpu.max",)"
        R"("affinity":8,"online":8,"maxprocs":2},)"
        R"("memory":{"state":"limited","limit_bytes":268435456,"version":2,)"
        R"("source":"/sys/fs/cgroup/memory.max","high_bytes":null,"soft_limit_bytes":241591910},)"
        R"("warnings":[]})"
        "\n");
}

TEST(RenderLimits, SaysNullWhereNothingIsLimited) {
    for (auto state : {core::LimitState::unlimited, core::LimitState::unknown}) {
        core::Limits limits;
        limits.cpu.state = limits.memory.state = state;
        limits.cpu.source = "/left/over";
        limits.memory.limit_bytes = 5;
        limits.warnings = {"odd \xff byte"};
        const Json json = Json::parse(http::render_limits(limits, {}));
        EXPECT_TRUE(json["cpu"]["cpus"].is_null());
        EXPECT_TRUE(json["cpu"]["source"].is_null());
        EXPECT_TRUE(json["memory"]["limit_bytes"].is_null());
        EXPECT_TRUE(json["memory"]["source"].is_null());
        EXPECT_TRUE(json["memory"]["soft_limit_bytes"].is_null());
        EXPECT_EQ(json["warnings"].size(), 1U);
    }
}

TEST_F(Pages, OfLimitsIsWhatTheCommandPrints) {
    start();
    const Reply reply = ask(get("/v1/limits"));
    const http::LimitsView view = sources->limits();
    EXPECT_EQ(reply.body, http::render_limits(view.limits, view.derived));
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    EXPECT_EQ(reply.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(reply.field("Cache-Control"), "no-store");
}

TEST_F(Pages, OfTheRuntimeHoldItsFigures) {
    start();
    const Json json = Json::parse(ask(get("/v1/runtime")).body);
    EXPECT_EQ(json["tasks"], 3);
    EXPECT_EQ(json["tasks_by_state"]["waiting"], 2);
    EXPECT_EQ(json["maxprocs"], 2);
    EXPECT_EQ(json["mem_stats"]["alloc_bytes"], 1000);
    EXPECT_EQ(json["schedule_latency_seconds"]["count"], 9);
    EXPECT_EQ(json["schedule_latency_seconds"]["buckets"][2]["le"], "+Inf");
    EXPECT_TRUE(json["revision"].is_null());
}

TEST_F(Pages, OfTheRuntimeHoldWhatTheContainerUsesAndSuffers) {
    start();
    const Json container = Json::parse(ask(get("/v1/runtime")).body)["container"];
    const Json& memory = container["memory"];
    EXPECT_EQ(memory["usage_bytes"], 1 << 20);
    EXPECT_EQ(memory["working_set_bytes"], 1 << 19);
    EXPECT_EQ(memory["peak_bytes"], 3 << 20);
    EXPECT_EQ(memory["swap_bytes"], 8192);
    EXPECT_EQ(memory["oom_kills"], 1);
    EXPECT_EQ(memory["events"]["max"], 35);
    EXPECT_EQ(memory["pressure_events"], 6);
    EXPECT_EQ(memory["headroom"]["load"], 0.75);
    EXPECT_EQ(memory["headroom"]["left_bytes"], 1 << 18);
    EXPECT_EQ(memory["headroom"]["level"], "/sys/fs/cgroup/pod/memory.max");
    EXPECT_EQ(container["cpu"]["throttled_periods"], 5);
    EXPECT_EQ(container["cpu"]["throttled_ratio"], 0.05);
    EXPECT_EQ(container["pressure"]["cpu"]["some_percent"], 12.5);
    EXPECT_TRUE(container["pressure"]["cpu"]["full_seconds"].is_null());
}

TEST_F(Pages, OfWorkersListAndName) {
    start();
    const Json settings = Json::parse(ask(get("/v1/config")).body)["settings"];
    EXPECT_EQ(settings[0]["name"], "PILOTFISH_STOP_TIMEOUT");
    EXPECT_EQ(settings[0]["value"], "9s");
    EXPECT_EQ(settings[0]["source"], "/etc/pilotfish.json");
    EXPECT_TRUE(settings[0]["worker"].is_null());
    EXPECT_TRUE(settings[1]["value"].is_null());
    const Json list = Json::parse(ask(get("/v1/workers")).body);
    ASSERT_EQ(list["workers"].size(), 2U);
    const Json web = Json::parse(ask(get("/v1/workers/web")).body);
    EXPECT_EQ(web, list["workers"][0]);
    EXPECT_EQ(web["restarts"], 2);
    EXPECT_EQ(web["restarts_by_reason"]["liveness"], 1);
    EXPECT_EQ(web["exit"]["code"], 137);
    EXPECT_EQ(web["exit"]["reason"], "oom");
    EXPECT_EQ(web["exit"]["text"], "was killed by the kernel: out of memory");
    EXPECT_EQ(web["oom_kills"], 2);
    EXPECT_TRUE(web["next_try_seconds"].is_null());
    EXPECT_EQ(ask(get("/v1/workers/db@1")).status, 200);
    EXPECT_EQ(ask(get("/v1/workers/db%401")).status, 200);
    const Reply none = ask(get("/v1/workers/none"));
    EXPECT_EQ(none.status, 404);
    EXPECT_EQ(Json::parse(none.body)["detail"], "there is no worker called none");
    EXPECT_EQ(ask(get("/v1/workers/")).status, 404);
    EXPECT_EQ(ask(get("/v1/workers/web/x")).status, 404);
    EXPECT_EQ(ask(get("/v1/workers/..%2f..%2fetc")).status, 404);
}

TEST_F(Pages, OfProbesNameEachCauseWhenAskedOrFailing) {
    start();
    EXPECT_EQ(ask(get("/livez")).body, "ok\n");
    EXPECT_EQ(ask(get("/healthz")).body, "ok\n");
    EXPECT_EQ(ask(get("/livez?verbose")).body, "[+]heartbeat ok: 12 ms old\nlivez check passed\n");
    EXPECT_EQ(ask(get("/livez?verbose=0")).body, "ok\n");
    sources->alive = false;
    const Reply dead = ask(get("/livez"));
    EXPECT_EQ(dead.status, 503);
    EXPECT_EQ(dead.body, "[-]heartbeat failed: 31 s old\nlivez check failed\n");
    const Reply ready = ask(get("/readyz"));
    EXPECT_EQ(ready.status, 503);
    EXPECT_EQ(ready.body, "[+]web ok\n[-]db failed: not ready\nreadyz check failed\n");
    EXPECT_EQ(ask(get("/startupz")).status, 200);
}

TEST_F(Pages, OfTasksFollowGosParameters) {
    start();
    const Reply grouped = ask(get("/debug/pprof/goroutine?debug=1"));
    EXPECT_EQ(grouped.body, "goroutine profile: total 3\n");
    EXPECT_EQ(grouped.field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(grouped.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(ask(get("/debug/pprof/tasks?debug=2")).body, "goroutine 1 [running]:\nmain\n");
    for (const char* target : {"/debug/pprof/goroutine", "/debug/pprof/goroutine?debug=0"}) {
        const Reply missing = ask(get(target));
        EXPECT_EQ(missing.status, 501);
        EXPECT_EQ(missing.field("X-Go-Pprof"), "1");
        EXPECT_NE(missing.body.find("debug=1"), std::string::npos);
    }
    EXPECT_EQ(ask(get("/debug/pprof/goroutine?debug=1&seconds=3")).status, 400);
    const Reply unknown = ask(get("/debug/pprof/nothing"));
    EXPECT_EQ(unknown.status, 404);
    EXPECT_EQ(unknown.field("X-Go-Pprof"), "1");
    EXPECT_EQ(ask(get("/debug/pprof/cmdline")).body, std::string("pilotfish\0run\0--\0x", 18));
    EXPECT_NE(ask(get("/debug/pprof/")).body.find("<td>3</td>"), std::string::npos);
}

TEST_F(Pages, AreNeverChangedByAMethodThatIsNotTheirs) {
    start();
    for (const char* method : {"POST", "PUT", "DELETE", "PATCH", "OPTIONS"}) {
        const Reply reply =
            ask(std::string(method) +
                " /v1/workers HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
        EXPECT_EQ(reply.status, 405) << method;
        EXPECT_EQ(reply.field("Allow"), "GET, HEAD");
        EXPECT_EQ(reply.field("Content-Type"), "application/problem+json");
    }
    EXPECT_EQ(Json::parse(ask(get("/nowhere")).body)["status"], 404);
}

TEST_F(Pages, IndexNamesEveryRoute) {
    start();
    const Reply reply = ask(get("/"));
    EXPECT_NE(reply.field("Content-Security-Policy"), "");
    for (const http::Route& route : http::routes()) {
        EXPECT_NE(reply.body.find("<td>" + std::string(route.method)), std::string::npos);
        EXPECT_NE(reply.body.find(">" + std::string(route.path) + "<"), std::string::npos)
            << route.path;
    }
}

TEST_F(Pages, WithoutAParameterAnswerEveryRouteOfTheTable) {
    start();
    sources->logs["web"] = {std::make_shared<CannedLog>(), ""};
    for (const http::Route& route : http::routes()) {
        std::string path(route.path);
        if (const auto at = path.find("{name}"); at != std::string::npos)
            path.replace(at, 6, "web");
        if (route.method == "POST") {
            // Without the level to change anything.
            EXPECT_EQ(ask("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 403)
                << path;
            continue;
        }
        const int status = ask(get(path)).status;
        EXPECT_TRUE(status == 200 || status == 503 || status == 501) << path << " " << status;
    }
}

TEST_F(Pages, KeepOddButLegalParameters) {
    start();
    EXPECT_EQ(ask(get("/livez?a=b=c&d=e?f&verbose")).body,
              "[+]heartbeat ok: 12 ms old\nlivez check passed\n");
}

// The tables of http/README.md are the code's own text.
TEST(Readme, HoldsTheRouteTable) {
    const std::string text = read_file(std::string(PILOTFISH_SOURCE_DIR) + "/http/README.md");
    EXPECT_NE(text.find(http::routes_markdown()), std::string::npos)
        << "http/README.md must hold this table:\n"
        << http::routes_markdown();
}

}  // namespace
}  // namespace pilotfish::tests
