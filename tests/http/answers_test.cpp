#include "http/answers.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "http/event_stream.h"
#include "http/render.h"
#include "tests/http/canned_sources.h"

namespace pilotfish::tests {
namespace {

using Json = nlohmann::json;

TEST(Answers, ReadBackWhatIsWritten) {
    http::WorkerView written = canned_worker("web");
    written.next_try_seconds = 1.5;
    const auto read = http::parse_workers(http::render_workers({written, canned_worker("db@1")}));
    ASSERT_TRUE(read);
    ASSERT_EQ(read->workers.size(), 2U);
    const http::WorkerView& worker = read->workers[0];
    EXPECT_EQ(worker.name, "web");
    EXPECT_EQ(worker.state, written.state);
    EXPECT_EQ(worker.pid, written.pid);
    EXPECT_EQ(worker.uptime_seconds, written.uptime_seconds);
    EXPECT_EQ(worker.starts, written.starts);
    ASSERT_EQ(worker.restarts.size(), 1U);
    EXPECT_EQ(worker.restarts[0].restarts, 2U) << "all reasons together";
    EXPECT_EQ(worker.exit_code, 137);
    EXPECT_EQ(worker.exit_text, written.exit_text);
    EXPECT_EQ(worker.next_try_seconds, 1.5);
    EXPECT_EQ(worker.health, "ok");
    EXPECT_EQ(worker.cpu_seconds, 1.25);
    EXPECT_EQ(worker.resident_bytes, 4096U);
    EXPECT_TRUE(worker.up);
    EXPECT_TRUE(worker.ready);
    EXPECT_FALSE(http::parse_workers(http::render_control(false, {}))->reached);
    EXPECT_TRUE(http::parse_workers(http::render_control(true, {}))->reached);
    EXPECT_EQ(http::parse_problem(http::render_problem(409, "cannot")), "cannot");
}

TEST(Answers, OfAnotherReleaseLackFiguresOrHaveStrangeOnes) {
    const auto read = http::parse_workers(
        R"({"workers":[{"name":"web","pid":"x","starts":-1,"uptime_seconds":null,"later":[]}]})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->workers[0].name, "web");
    EXPECT_FALSE(read->workers[0].pid);
    EXPECT_EQ(read->workers[0].starts, 0U);
    for (const char* none : {"", "[]", "{}", "nothing", R"({"workers":{}})", R"({"workers":[1]})",
                             "{\"workers\":[", "null"})
        EXPECT_FALSE(http::parse_workers(none)) << none;
}

TEST(Answers, OfSomeWorkersHaveAllTheyHadBefore) {
    const std::string all = http::render_workers({canned_worker("web"), canned_worker("db@1")});
    const auto some = http::only_workers(
        all, [](std::string_view name, const void*) { return name == "db@1"; }, nullptr);
    ASSERT_TRUE(some);
    const Json json = Json::parse(*some);
    ASSERT_EQ(json["workers"].size(), 1U);
    EXPECT_EQ(json["workers"][0], Json::parse(all)["workers"][1]);
}

TEST(Answers, ThatAreNoProblemAreGivenAsTheyAre) {
    EXPECT_EQ(http::parse_problem("stack overflow\n"), "stack overflow");
    EXPECT_EQ(http::parse_problem("{\"x\":1}"), "{\"x\":1}");
    EXPECT_EQ(http::text_of("{\"text\":\"web changed\"}\n"), "web changed\n");
    EXPECT_EQ(http::text_of("{\"shutdown\":\"begun\"}\n"), "{\"shutdown\":\"begun\"}\n");
}

TEST(Answers, OfEventsAreTheEvents) {
    http::EventView event;
    event.id = 9;
    event.time = "2026-11-23T12:00:00.000Z";
    event.kind = "worker";
    event.worker = "web";
    event.text = "web: it runs";
    std::string out;
    http::append_event(out, event);
    const std::size_t data = out.find("data: ") + 6;
    const auto read = http::parse_event(out.substr(data, out.find('\n', data) - data));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, 9U);
    EXPECT_EQ(read->text, event.text);
    EXPECT_EQ(read->worker, "web");
    EXPECT_EQ(http::parse_missed("{\"missed\":12}"), 12U);
    EXPECT_FALSE(http::parse_missed("12"));
}

TEST(Answers, OfLogsAreLinesOrGaps) {
    const auto line = http::parse_log_record(
        R"({"cursor":7,"time":"2026-11-23T12:00:00.000Z","stream":"stderr","line":"a\tb"})");
    ASSERT_TRUE(line);
    EXPECT_EQ(line->cursor, 7U);
    EXPECT_EQ(line->stream, "stderr");
    EXPECT_EQ(line->line, "a\tb");
    const auto gap = http::parse_log_record(R"({"gap":3})");
    ASSERT_TRUE(gap);
    EXPECT_EQ(gap->gap, 3U);
    for (const char* none : {"", "{}", "7", "{\"line", R"({"gap":0})", R"({"cursor":1})"})
        EXPECT_FALSE(http::parse_log_record(none)) << none;
}

}  // namespace
}  // namespace pilotfish::tests
