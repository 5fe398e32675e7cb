#include "http/log_body.h"

#include <gtest/gtest.h>

#include "tests/http/canned_log.h"
#include "tests/http/canned_sources.h"
#include "tests/http/raw_client.h"

namespace pilotfish::tests {
namespace {

using Pull = http::BodyStream::Pull;

std::string all_of(http::LogBody& body) {
    std::string out;
    while (body.next(out) == Pull::more) {
    }
    return out;
}

std::shared_ptr<CannedLog> log_of(int lines) {
    auto log = std::make_shared<CannedLog>();
    for (int i = 1; i <= lines; ++i) log->add(std::to_string(i), i % 2 == 0 ? "stderr" : "stdout");
    return log;
}

std::string text_of(const std::shared_ptr<CannedLog>& log, http::LogQuery query) {
    query.text = true;
    http::LogBody body(log, query);
    return all_of(body);
}

TEST(LogBody, IsOneObjectALine) {
    auto log = std::make_shared<CannedLog>();
    log->add("say \"hi\"\t\xFF");
    log->add("rest", "stderr");
    log->mark_partial();
    http::LogBody body(log, {});
    EXPECT_EQ(all_of(body), R"({"cursor":1,"time":"2026-11-23T12:00:00.000Z","stream":"stdout",)"
                            "\"line\":\"say \\\"hi\\\"\\t\xEF\xBF\xBD\"}\n"
                            R"({"cursor":2,"time":"2026-11-23T12:00:00.000Z","stream":"stderr",)"
                            "\"partial\":true,\"line\":\"rest\"}\n");
}

TEST(LogBody, GivesAllThatIsKeptAndTellsNoGapToWhoAsksForNone) {
    const auto log = log_of(8);
    log->forget(2);
    EXPECT_EQ(text_of(log, {}), "3\n4\n5\n6\n7\n8\n");
    http::LogBody body(log, {.since = 1});
    EXPECT_TRUE(all_of(body).starts_with("{\"gap\":1}\n{\"cursor\":3,"));
    EXPECT_TRUE(text_of(log, {.since = 0}).starts_with("pilotfish: 2 lines are not kept"));
}

TEST(LogBody, GivesTheTailAlsoOfOneStream) {
    const auto log = log_of(10);
    log->forget(4);
    EXPECT_EQ(text_of(log, {.tail = 2}), "9\n10\n");
    EXPECT_EQ(text_of(log, {.tail = 0}), "");
    EXPECT_EQ(text_of(log, {.tail = 1000}), "5\n6\n7\n8\n9\n10\n");
    EXPECT_EQ(text_of(log, {.tail = 2, .stream = "stdout"}), "7\n9\n");
    EXPECT_EQ(text_of(log, {.since = 8, .tail = 5}), "9\n10\n");
    EXPECT_EQ(text_of(log, {.since = 99, .tail = 1}), "10\n");
    EXPECT_EQ(text_of(log, {.stream = "stderr"}), "6\n8\n10\n");
}

TEST(LogBody, StaysForLinesToComeUntilTheFeedEnds) {
    const auto log = log_of(1);
    http::LogBody body(log, {.follow = true, .text = true});
    int woken = 0;
    body.on_ready([&] { ++woken; });
    std::string out;
    EXPECT_EQ(body.next(out), Pull::wait);
    log->add("new");
    EXPECT_EQ(woken, 1);
    EXPECT_EQ(body.next(out), Pull::wait);
    EXPECT_EQ(out, "1\nnew\n");
    log->end();
    EXPECT_EQ(body.next(out), Pull::end);
    EXPECT_EQ(out, "1\nnew\n") << "text has no line that is not the worker's";
}

TEST(LogBody, SaysNowAndThenThatItIsStillThere) {
    http::LogBody body(log_of(0), {.follow = true}, std::chrono::milliseconds(0));
    std::string out;
    EXPECT_EQ(body.next(out), Pull::wait);
    EXPECT_EQ(out, "\n");
    http::LogBody patient(log_of(0), {.follow = true}, std::chrono::hours(1));
    out.clear();
    EXPECT_EQ(patient.next(out), Pull::wait);
    EXPECT_EQ(out, "");
}

class LogsPage : public ServerFixture {};

TEST_F(LogsPage, AnswersWithTheLinesOfTheWorker) {
    start();
    sources->logs["web@1"] = {log_of(4), ""};
    Reply reply = ask(get("/v1/workers/web@1/logs?tail=1"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.field("Content-Type"), "application/x-ndjson");
    EXPECT_TRUE(reply.body.starts_with("{\"cursor\":4,")) << reply.body;
    reply = ask(get("/v1/workers/web@1/logs?format=text&stream=stdout&since=1"));
    EXPECT_EQ(reply.field("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(reply.body, "3\n");
}

TEST_F(LogsPage, RefusesWhatItCannotDoWithAReason) {
    start();
    sources->logs["web"] = {log_of(1), ""};
    sources->logs["main"] = {nullptr, "set PILOTFISH_WORKER_MAIN_LOG to tee"};
    EXPECT_EQ(ask(get("/v1/workers/none/logs")).status, 404);
    const Reply conflict = ask(get("/v1/workers/main/logs"));
    EXPECT_EQ(conflict.status, 409);
    EXPECT_EQ(conflict.field("Content-Type"), "application/problem+json");
    EXPECT_NE(conflict.body.find("PILOTFISH_WORKER_MAIN_LOG"), std::string::npos);
    for (const char* query : {"tail=", "tail=-1", "tail=1x", "since=x",
                              "since=99999999999999999999", "stream=both", "format=xml"})
        EXPECT_EQ(ask(get(std::string("/v1/workers/web/logs?") + query)).status, 400) << query;
    auto crowded = log_of(1);
    crowded->pretend_followers(16);
    sources->logs["crowded"] = {crowded, ""};
    EXPECT_EQ(ask(get("/v1/workers/crowded/logs?follow")).status, 429);
    EXPECT_EQ(ask(get("/v1/workers/crowded/logs")).status, 200);
}

TEST_F(LogsPage, SendsALineToWhoFollowsAtOnce) {
    start();
    const auto log = log_of(1);
    sources->logs["web"] = {log, ""};
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/v1/workers/web/logs?follow&format=text")));
    ASSERT_TRUE(client.read_until("1\n"));
    log->add("later");
    EXPECT_TRUE(client.read_until("later\n"));
}

}  // namespace
}  // namespace pilotfish::tests
