#include "http/event_stream.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/http/canned_sources.h"
#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

http::EventView event_of(std::string text) {
    http::EventView event;
    event.time = "2026-11-23T12:00:00.000Z";
    event.kind = "worker";
    event.worker = "web";
    event.text = std::move(text);
    event.fields = {{"state", "ready"}};
    return event;
}

TEST(EventText, IsOneServerSentEvent) {
    std::string out;
    http::EventView event = event_of("web is\nready");
    event.id = 7;
    http::append_event(out, event);
    EXPECT_EQ(out,
              "id: 7\nevent: worker\n"
              R"(data: {"id":7,"time":"2026-11-23T12:00:00.000Z","kind":"worker","worker":"web",)"
              R"("text":"web is\nready","fields":{"state":"ready"}})"
              "\n\n");
}

TEST(EventStream, GivesWhatThereIsAndEnds) {
    CannedFeed feed;
    for (int i = 0; i < 40; ++i) feed.add(event_of("event " + std::to_string(i)));
    http::EventStream stream(feed, 3, false);
    std::string out;
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::more);
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::end);
    EXPECT_EQ(out.find("id: 3\n"), std::string::npos);
    EXPECT_NE(out.find("id: 4\n"), std::string::npos);
    EXPECT_NE(out.find("id: 40\n"), std::string::npos);
}

TEST(EventStream, TellsOfAGap) {
    CannedFeed feed;
    feed.missed = 12;
    http::EventStream stream(feed, 1, false);
    std::string out;
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::end);
    EXPECT_NE(out.find("event: gap\ndata: {\"missed\":12}\n\n"), std::string::npos) << out;
}

TEST(EventStream, StaysForThoseToComeAndIsWoken) {
    CannedFeed feed;
    http::EventStream stream(feed, 0, true);
    int woken = 0;
    stream.on_ready([&] { ++woken; });
    std::string out;
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::wait);
    feed.add(event_of("now"));
    EXPECT_EQ(woken, 1);
    out.clear();
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::wait);
    EXPECT_TRUE(out.starts_with("id: 1\n")) << out;
    out.clear();
    EXPECT_EQ(stream.next(out), http::BodyStream::Pull::wait);
    EXPECT_EQ(out, ":\n\n") << "still there";
}

class EventsPage : public ServerFixture {};

TEST_F(EventsPage, AnswersWithWhatCameAfterTheGivenId) {
    start();
    sources->feed.add(event_of("one"));
    sources->feed.add(event_of("two"));
    Reply reply = ask(get("/v1/events?since=1"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.field("Content-Type"), "text/event-stream");
    EXPECT_EQ(reply.body.find("\"one\""), std::string::npos) << reply.body;
    EXPECT_NE(reply.body.find("\"two\""), std::string::npos) << reply.body;
    reply = ask(get("/v1/events", "Last-Event-ID: 1\r\n"));
    EXPECT_EQ(reply.body.find("\"one\""), std::string::npos) << reply.body;
    // A reader that asks the same again knows better now than its address.
    reply = ask(get("/v1/events?since=0", "Last-Event-ID: 2\r\n"));
    EXPECT_EQ(reply.body.find("\"two\""), std::string::npos) << reply.body;
    EXPECT_EQ(ask(get("/v1/events", "Last-Event-ID: x\r\n")).status, 200);
    EXPECT_EQ(ask(get("/v1/events?since=x")).status, 400);
    EXPECT_EQ(ask(get("/v1/events?since=-1")).status, 400);
}

TEST_F(EventsPage, SaysNowAndThenThatItIsStillThere) {
    http::ServerOptions options;
    options.stream_pulse = std::chrono::milliseconds(1);
    start(std::move(options));
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/v1/events?follow")));
    EXPECT_TRUE(client.read_until(":\n\n"));
}

}  // namespace
}  // namespace pilotfish::tests
