#include <sys/resource.h>

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class Guard : public ServerFixture {};

// Voluntary switches of the thread that owns the sockets: how often it went to sleep.
long sleeps_of_the_guard() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        if (read_file(task.path() / "comm") != "pilotfish-admin\n") continue;
        const std::string status = read_file(task.path() / "status");
        return std::atol(status.c_str() + status.find("voluntary_ctxt_switches:") + 24);
    }
    return -1;
}

TEST_F(Guard, AnswersManyRequestsOnOneConnection) {
    start();
    RawClient client(admin_port);
    for (int i = 0; i < 50; ++i) {
        ASSERT_TRUE(client.send(get("/v1/limits")));
        EXPECT_EQ(client.read().status, 200);
    }
}

TEST_F(Guard, AnswersPipelinedRequestsInOrder) {
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/v1/workers/web") + get("/livez") + get("/v1/workers/none") +
                            get("/startupz")));
    EXPECT_NE(client.read().body.find("\"web\""), std::string::npos);
    EXPECT_EQ(client.read().body, "ok\n");
    EXPECT_EQ(client.read().status, 404);
    EXPECT_EQ(client.read().body, "ok\n");
}

TEST_F(Guard, AnswersOthersWhileOneSendsProbeAfterProbe) {
    start();
    RawClient greedy(admin_port);
    std::string flood;
    for (int i = 0; i < 3000; ++i) flood += get("/livez");
    ASSERT_TRUE(greedy.send(flood));
    EXPECT_EQ(ask(get("/v1/limits")).status, 200);
    for (int i = 0; i < 3000; ++i) ASSERT_EQ(greedy.read().body, "ok\n");
}

TEST_F(Guard, PutsARequestTogetherThatArrivesByteByByte) {
    start();
    RawClient client(admin_port);
    for (char byte : get("/livez")) ASSERT_TRUE(client.send(std::string_view(&byte, 1)));
    EXPECT_EQ(client.read().body, "ok\n");
}

TEST_F(Guard, AnswersAClientThatHalfClosesAfterItsRequest) {
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/v1/limits")));
    client.half_close();
    EXPECT_EQ(client.read().status, 200);
    EXPECT_TRUE(client.at_end());
}

TEST_F(Guard, AnswersHeadWithTheLengthAndWithoutTheBody) {
    start();
    RawClient client(admin_port);
    const Reply full = ask(get("/v1/limits"));
    ASSERT_TRUE(client.send("HEAD /v1/limits HTTP/1.1\r\nHost: localhost\r\n\r\n" + get("/livez")));
    const Reply head = client.read(true);
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.field("Content-Length"), std::to_string(full.body.size()));
    EXPECT_EQ(head.field("Accept-Ranges"), "");
    EXPECT_EQ(client.read().body, "ok\n");
}

TEST_F(Guard, ClosesWhenAskedToAndAfterHttp10) {
    start();
    RawClient one(admin_port);
    ASSERT_TRUE(one.send(get("/livez", "Connection: close\r\n")));
    const Reply reply = one.read();
    EXPECT_EQ(reply.field("Connection"), "close");
    EXPECT_TRUE(one.at_end());
    RawClient old(admin_port);
    ASSERT_TRUE(old.send("GET /livez HTTP/1.0\r\n\r\n"));
    EXPECT_EQ(old.read().status, 200);
    EXPECT_TRUE(old.at_end());
}

TEST_F(Guard, KeepsAnHttp10ConnectionThatAsksForIt) {
    start();
    RawClient client(admin_port);
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(client.send("GET /v1/limits HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
        const Reply reply = client.read();
        EXPECT_EQ(reply.status, 200);
        EXPECT_EQ(reply.field("Connection"), "keep-alive");
    }
}

struct Bad {
    const char* name;
    std::string bytes;
    int status;
};

class Refuses : public ServerFixture, public ::testing::WithParamInterface<Bad> {};

TEST_P(Refuses, WithItsStatusAndACloseAndNothingAfter) {
    start();
    RawClient client(admin_port);
    // What follows must not be taken for a request of its own: that is what smuggling needs.
    ASSERT_TRUE(client.send(GetParam().bytes + get("/livez")));
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, GetParam().status) << reply.body;
    EXPECT_EQ(reply.field("Connection"), "close");
    EXPECT_EQ(reply.field("Content-Type"), "application/problem+json");
    EXPECT_TRUE(client.at_end());
}

std::string post(const std::string& fields) {
    return "POST /v1/limits HTTP/1.1\r\nHost: localhost\r\n" + fields + "\r\n";
}

INSTANTIATE_TEST_SUITE_P(
    Guard, Refuses,
    ::testing::Values(
        Bad{"LengthAndChunked", post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
        Bad{"TwoLengths", post("Content-Length: 0\r\nContent-Length: 0\r\n"), 400},
        Bad{"LengthList", post("Content-Length: 0, 0\r\n"), 400},
        Bad{"LengthWithLetters", post("Content-Length: 3xyz\r\n"), 400},
        Bad{"LengthWithPlus", post("Content-Length: +3\r\n"), 400},
        Bad{"LengthNegative", post("Content-Length: -3\r\n"), 400},
        Bad{"LengthEmpty", post("Content-Length:\r\n"), 400},
        Bad{"LengthHuge", post("Content-Length: 99999999999999999999999\r\n"), 413},
        Bad{"LengthAboveTheCap", post("Content-Length: 65537\r\n"), 413},
        Bad{"Chunked", post("Transfer-Encoding: chunked\r\n"), 411},
        Bad{"OtherCoding", post("Transfer-Encoding: gzip, chunked\r\n"), 501},
        Bad{"CodingTwice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n"), 501},
        Bad{"ChunkedInHttp10",
            "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        Bad{"ExpectOther", post("Expect: 200-ok\r\n"), 417},
        Bad{"NoHost", "GET /livez HTTP/1.1\r\n\r\n", 400},
        Bad{"TwoHosts", "GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: localhost\r\n\r\n", 400},
        Bad{"HostWithPath", "GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
        Bad{"HostWithAt", "GET /livez HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
        Bad{"SpaceBeforeColon", "GET /livez HTTP/1.1\r\nHost : localhost\r\n\r\n", 400},
        Bad{"FoldedLine", get("/livez", "X: a\r\n b\r\n"), 400},
        Bad{"NoColon", get("/livez", "nonsense\r\n"), 400},
        Bad{"EmptyName", get("/livez", ": x\r\n"), 400},
        Bad{"NulInValue", get("/livez", std::string("X: a\0b\r\n", 8)), 400},
        Bad{"BareReturnInValue", get("/livez", "X: a\rb\r\n"), 400},
        Bad{"BareLineFeed", "GET /livez HTTP/1.1\nHost: localhost\n\n", 400},
        Bad{"BareLineFeedLater", "GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", 400},
        Bad{"NulInTarget", std::string("GET /a") + '\0' + "b HTTP/1.1\r\nHost: localhost\r\n\r\n",
            400},
        Bad{"EscapedNul", get("/v1/workers/%00"), 400},
        Bad{"EscapedNewline", get("/v1/workers/a%0d%0ab"), 400},
        Bad{"HalfEscape", get("/v1/workers/a%2"), 400},
        Bad{"UnicodeEscape", get("/v1/workers/%u0041"), 400}, Bad{"Fragment", get("/livez#x"), 400},
        Bad{"TwoSpaces", "GET  /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Bad{"NoVersion", "GET /livez\r\nHost: localhost\r\n\r\n", 400},
        Bad{"Http2", "GET /livez HTTP/2.0\r\nHost: localhost\r\n\r\n", 505},
        Bad{"Http12", "GET /livez HTTP/1.2\r\nHost: localhost\r\n\r\n", 505},
        Bad{"VersionWithSpace", "GET /livez HTTP/1.1 \r\nHost: localhost\r\n\r\n", 400},
        Bad{"NotAPath", "GET livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Bad{"Star", "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Bad{"OtherAuthority", "GET http://evil/livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 400},
        Bad{"TlsHello", std::string("\x16\x03\x01\x02\x00\x01\x00", 7), 400},
        Bad{"UnknownMethod", "BREW /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 501},
        Bad{"LongTarget", get("/" + std::string(5000, 'a')), 414},
        Bad{"LongHead", get("/livez", "X: " + std::string(20'000, 'a') + "\r\n"), 431}),
    [](const auto& each) { return each.param.name; });

TEST_F(Guard, AcceptsAnEqualAuthorityInTheTarget) {
    start();
    EXPECT_EQ(ask("GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n").status, 200);
}

TEST_F(Guard, TakesAHundredHeadersAndNoMore) {
    start();
    std::string fields;
    for (int i = 0; i < 99; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
    EXPECT_EQ(ask(get("/livez", fields)).status, 200);
    EXPECT_EQ(ask(get("/livez", fields + "One-More: y\r\n")).status, 431);
}

TEST_F(Guard, StopsAHeaderFloodLongBeforeItsEnd) {
    start();
    RawClient client(admin_port);
    std::string fields = "GET /livez HTTP/1.1\r\nHost: localhost\r\n";
    for (int i = 0; i < 50'000; ++i) fields += "X-" + std::to_string(i) + ": y\r\n";
    client.send(fields);  // may fail: the server has said no meanwhile
    EXPECT_EQ(client.read().status, 431);
}

TEST_F(Guard, RefusesALargeBodyByItsLengthAndNotByReadingIt) {
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(post("Content-Length: 67108864\r\n")));
    EXPECT_EQ(client.read().status, 413);
}

TEST_F(Guard, ReadsTheBodyBeforeTheNextRequest) {
    start();
    RawClient client(admin_port);
    const std::string body(60'000, 'b');
    ASSERT_TRUE(client.send(post("Content-Length: 60000\r\n")));
    ASSERT_TRUE(client.send(body));
    EXPECT_EQ(client.read().status, 405);
    ASSERT_TRUE(
        client.send("GET /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody" +
                    get("/startupz")));
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(client.read().status, 200);
}

TEST_F(Guard, AsksForTheBodyOfAClientThatWaitsToBeAsked) {
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(post("Content-Length: 4\r\nExpect: 100-continue\r\n")));
    EXPECT_EQ(client.read().status, 100);
    ASSERT_TRUE(client.send("body"));
    EXPECT_EQ(client.read().status, 405);
}

TEST_F(Guard, GivesADrippingHeadOneDeadlineInAll) {
    http::ServerOptions options;
    options.head_timeout = 300ms;
    start(options);
    RawClient client(admin_port);
    const auto begin = Clock::now();
    // A byte whenever the server would have waited on: each would restart a time-out per read.
    std::thread drip([&] {
        for (char byte : "GET /livez HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1000, 'x')) {
            if (!client.send(std::string_view(&byte, 1))) return;
            pollfd wait{client.fd(), POLLIN, 0};
            if (poll(&wait, 1, 20) != 0) return;
        }
    });
    drip.join();
    EXPECT_EQ(client.read().status, 408);
    EXPECT_LT(Clock::now() - begin, 5s);
}

TEST_F(Guard, ClosesConnectionsThatSayNothing) {
    http::ServerOptions options;
    options.head_timeout = 100ms;
    options.idle_timeout = 100ms;
    start(options);
    RawClient silent(admin_port);
    EXPECT_TRUE(silent.at_end());
    RawClient idle(admin_port);
    ASSERT_TRUE(idle.send(get("/livez")));
    EXPECT_EQ(idle.read().status, 200);
    EXPECT_TRUE(idle.at_end());
}

TEST_F(Guard, GivesUpOnAReaderThatDoesNotRead) {
    http::ServerOptions options;
    options.write_timeout = 200ms;
    sources->dump_pieces = {std::string(60'000, 'x')};
    sources->dump_repeats = 2000;
    start(options);
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/debug/pprof/goroutine?debug=2")));
    pollfd wait{client.fd(), POLLRDHUP, 0};
    ASSERT_EQ(poll(&wait, 1, kPatienceMs), 1) << "the server did not hang up";
}

TEST_F(Guard, MakesRoomForNewcomersByClosingTheOldestIdle) {
    http::ServerOptions options;
    options.connections_max = 32;
    start(options);
    std::vector<RawClient> idle;
    for (int i = 0; i < 300; ++i) {
        idle.emplace_back(admin_port);
        ASSERT_TRUE(idle.back().connected());
        idle.back().send("GET /livez HT");
    }
    EXPECT_EQ(ask(get("/livez")).status, 200);
    EXPECT_EQ(ask(get("/v1/limits")).status, 200);
    EXPECT_TRUE(idle.front().at_end());
    // The youngest is still welcome.
    ASSERT_TRUE(idle.back().send("TP/1.1\r\nHost: localhost\r\n\r\n"));
    EXPECT_EQ(idle.back().read().status, 200);
}

TEST_F(Guard, SaysSoWhenAllConnectionsAreAtWork) {
    http::ServerOptions options;
    options.connections_max = 3;
    start(options);
    sources->runtime_gate.shut();
    std::vector<RawClient> busy;
    for (int i = 0; i < 3; ++i) {
        busy.emplace_back(admin_port);
        ASSERT_TRUE(busy.back().send(get("/v1/runtime")));
    }
    sources->runtime_gate.await_waiting(2);
    // The third may still be on its way into the queue; a request that is not read can be evicted.
    Reply reply;
    do {
        RawClient late(admin_port);
        late.send(get("/livez"));
        reply = late.read();
    } while (reply.status == 200);
    EXPECT_EQ(reply.status, 503);
    EXPECT_EQ(ask(get("/livez"), probe_port).status, 200);
    sources->runtime_gate.open();
}

TEST_F(Guard, NeverWakesUpWhenNobodyIsThere) {
    http::ServerOptions options;
    options.idle_timeout = 50ms;
    start(options);
    {
        RawClient client(admin_port);
        ASSERT_TRUE(client.send(get("/v1/limits")));
        EXPECT_EQ(client.read().status, 200);
        EXPECT_TRUE(client.at_end());
    }
    // The close just seen may still be on its way out of epoll_wait; then nothing may follow.
    long before = sleeps_of_the_guard();
    ASSERT_GE(before, 0);
    poll(nullptr, 0, 100);
    before = sleeps_of_the_guard();
    poll(nullptr, 0, 400);  // the time the claim is about, not a wait for anything
    EXPECT_EQ(sleeps_of_the_guard(), before);
}

TEST_F(Guard, SurvivesAProcessWithoutDescriptors) {
    start();
    RawClient before(admin_port);
    ASSERT_TRUE(before.send(get("/livez")));
    EXPECT_EQ(before.read().status, 200);
    RawClient first(admin_port);
    RawClient second(admin_port);
    rlimit old{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    const rlimit none{0, old.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    ASSERT_TRUE(first.send(get("/livez")));
    ASSERT_TRUE(second.send(get("/livez")));
    pollfd wait{second.fd(), POLLIN, 0};
    poll(&wait, 1, 50);
    ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    EXPECT_EQ(ask(get("/livez")).status, 200);
}

TEST_F(Guard, StopsAtOnceWithConnectionsOpen) {
    start();
    RawClient idle(admin_port);
    ASSERT_TRUE(idle.send(get("/v1/limits")));
    EXPECT_EQ(idle.read().status, 200);
    const auto begin = Clock::now();
    server->stop();
    EXPECT_LT(Clock::now() - begin, 1s);
    EXPECT_TRUE(idle.at_end());
    EXPECT_FALSE(RawClient(admin_port).connected());
}

}  // namespace
}  // namespace pilotfish::tests
