#include "http/metrics.h"

#include <chrono>
#include <cstdlib>
#include <regex>

#include "tests/http/prom_lint.h"
#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

using http::MetricsFormat;

class Metrics : public ServerFixture {};

std::string joined(const std::vector<std::string>& faults) {
    std::string text;
    for (const std::string& fault : faults) text += fault + "\n";
    return text;
}

http::MetricsSnapshot canned_snapshot() {
    const CannedSources sources;
    http::PlaneStats stats;
    stats.opened(0);
    stats.answered(0, 200, std::chrono::microseconds(300));
    stats.answered(http::PlaneStats::kNoRoute, 299, std::chrono::seconds(100));
    return {sources.build(), sources.runtime(), sources.limits(),
            sources.usage(), sources.workers(), stats.view()};
}

TEST(PromLint, SeesWhatItIsFor) {
    for (const char* bad :
         {"pilotfish_a 1\n", "# HELP pilotfish_a x\n# TYPE pilotfish_a counter\npilotfish_a 1\n",
          "# HELP pilotfish_a x\n# TYPE pilotfish_a gauge\npilotfish_a 1\npilotfish_a 2\n",
          "# HELP pilotfish_a x\n# TYPE pilotfish_a gauge\npilotfish_a 1",
          "# HELP pilotfish_a_ms x\n# TYPE pilotfish_a_ms gauge\npilotfish_a_ms 1\n",
          "# HELP pilotfish_a x\n# TYPE pilotfish_a gauge\n"}) {
        EXPECT_NE(PromLint::check(bad, false).size(), 0U) << bad;
    }
}

TEST(MetricsText, IsCleanInBothFormats) {
    const http::MetricsSnapshot snapshot = canned_snapshot();
    EXPECT_EQ(joined(PromLint::check(render_metrics(snapshot, MetricsFormat::prometheus), false)),
              "");
    EXPECT_EQ(joined(PromLint::check(render_metrics(snapshot, MetricsFormat::openmetrics), true)),
              "");
}

TEST(MetricsText, HasASampleOfEveryMetricOfTheTable) {
    const std::string text = render_metrics(canned_snapshot(), MetricsFormat::prometheus);
    const std::string table = http::metrics_markdown();
    const std::regex name("`(pilotfish_[a-z_]+)`");
    std::size_t names = 0;
    for (std::sregex_iterator at(table.begin(), table.end(), name), end; at != end; ++at, ++names) {
        EXPECT_NE(text.find("# TYPE " + (*at)[1].str() + " "), std::string::npos) << (*at)[1];
    }
    EXPECT_GT(names, 40U);
}

TEST(MetricsText, LeavesOutWhatIsNotKnown) {
    http::MetricsSnapshot snapshot;
    const std::string text = render_metrics(snapshot, MetricsFormat::prometheus);
    EXPECT_EQ(joined(PromLint::check(text, false)), "");
    EXPECT_EQ(text.find("pilotfish_memory_limit_bytes"), std::string::npos);
    EXPECT_EQ(text.find("pilotfish_worker_up"), std::string::npos);
}

TEST(MetricsText, EscapesLabels) {
    http::MetricsSnapshot snapshot;
    snapshot.build.version = "a\"b\\c\nd";
    EXPECT_NE(render_metrics(snapshot, MetricsFormat::prometheus)
                  .find(R"(pilotfish_build_info{version="a\"b\\c\nd",)"),
              std::string::npos);
}

TEST(MetricsText, HasTheFiguresOfTheSources) {
    const std::string text = render_metrics(canned_snapshot(), MetricsFormat::prometheus);
    for (const char* line :
         {"pilotfish_tasks{state=\"waiting\"} 2\n", "pilotfish_cpu_limit_cpus 1.5\n",
          "pilotfish_memory_limit_bytes 268435456\n",
          "pilotfish_cpu_throttled_seconds_total 0.25\n", "pilotfish_worker_up{worker=\"web\"} 1\n",
          "pilotfish_worker_restarts_total{worker=\"db@1\",reason=\"liveness\"} 1\n",
          "pilotfish_worker_probe_failures_total{worker=\"db@1\",probe=\"liveness\"} 4\n",
          "pilotfish_worker_exit_code{worker=\"web\"} 137\n",
          "pilotfish_schedule_latency_seconds_bucket{le=\"0.01\"} 8\n",
          "pilotfish_schedule_latency_seconds_bucket{le=\"+Inf\"} 9\n",
          "pilotfish_schedule_latency_seconds_count 9\n",
          "pilotfish_pressure_stalled_seconds_total{resource=\"memory\"} 0.25\n",
          "pilotfish_admin_requests_total{route=\"/\",code=\"200\"} 1\n",
          "pilotfish_admin_requests_total{route=\"none\",code=\"0\"} 1\n",
          "pilotfish_admin_connections{listener=\"admin\"} 1\n"}) {
        EXPECT_NE(text.find(line), std::string::npos) << line;
    }
}

TEST(MetricsFormatChoice, FollowsAccept) {
    const auto open = MetricsFormat::openmetrics;
    const auto plain = MetricsFormat::prometheus;
    EXPECT_EQ(http::negotiate_metrics(""), plain);
    EXPECT_EQ(http::negotiate_metrics("*/*"), plain);
    EXPECT_EQ(http::negotiate_metrics("text/html, application/json"), plain);
    EXPECT_EQ(http::negotiate_metrics("application/openmetrics-text"), open);
    // What Prometheus 2.42 sends, and the same with the preference turned round.
    EXPECT_EQ(http::negotiate_metrics("application/openmetrics-text;version=1.0.0,"
                                      "application/openmetrics-text;version=0.0.1;q=0.75,"
                                      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
              open);
    EXPECT_EQ(http::negotiate_metrics("application/openmetrics-text;q=0.4, text/plain;q=0.5"),
              plain);
    EXPECT_EQ(http::negotiate_metrics("application/openmetrics-text; q=0"), plain);
}

TEST_F(Metrics, PageNegotiatesAndCountsItself) {
    start();
    const Reply plain = ask(get("/metrics"));
    EXPECT_EQ(plain.field("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_EQ(joined(PromLint::check(plain.body, false)), "");
    const Reply open = ask(get("/metrics", "Accept: application/openmetrics-text\r\n"));
    EXPECT_EQ(open.field("Content-Type"),
              "application/openmetrics-text; version=1.0.0; charset=utf-8");
    EXPECT_EQ(joined(PromLint::check(open.body, true)), "");
    EXPECT_NE(open.body.find("pilotfish_admin_requests_total{route=\"/metrics\",code=\"200\"} 1\n"),
              std::string::npos);
}

TEST_F(Metrics, OfAThousandWorkersAreBoundedAndClean) {
    sources->worker_list.clear();
    for (int i = 0; i < 1000; ++i)
        sources->worker_list.push_back(canned_worker("w@" + std::to_string(i)));
    start();
    const Reply reply = ask(get("/metrics"));
    EXPECT_EQ(joined(PromLint::check(reply.body, false)), "");
}

TEST_F(Metrics, PassPromtoolWhereItIsInstalled) {
    if (std::system("command -v promtool >/dev/null 2>&1") != 0) {
        GTEST_SKIP() << "promtool is not installed (Debian: prometheus); PromLint holds its rules";
    }
    TempDir dir;
    dir.write("metrics", render_metrics(canned_snapshot(), MetricsFormat::prometheus));
    EXPECT_EQ(std::system(("promtool check metrics < " + dir.path() + "/metrics").c_str()), 0);
}

TEST(Readme, HoldsTheMetricTable) {
    const std::string text = read_file(std::string(PILOTFISH_SOURCE_DIR) + "/http/README.md");
    EXPECT_NE(text.find(http::metrics_markdown()), std::string::npos)
        << "http/README.md must hold this table:\n"
        << http::metrics_markdown();
}

}  // namespace
}  // namespace pilotfish::tests
