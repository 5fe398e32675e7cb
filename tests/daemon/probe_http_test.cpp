#include "daemon/probe_http.h"

#include <gtest/gtest.h>

#include "core/runtime.h"
#include "core/sleep.h"
#include "core/tcp.h"

namespace pilotfish::daemon {
namespace {

using core::Task;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(HttpAnswerRead, FindsTheFinalStatusAndTheBody) {
    HttpAnswer answer;
    EXPECT_EQ(read_http_answer("HTTP/1.1 503 Not Now\r\nX: y\r\n\r\nwait", answer), HttpRead::done);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.body, "wait");
    EXPECT_EQ(read_http_answer("HTTP/1.0 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n", answer),
              HttpRead::done);
    EXPECT_EQ(answer.status, 204);
    const std::string whole = "HTTP/1.1 200 OK\r\n\r\n";
    for (std::size_t size = 0; size < whole.size(); ++size)
        EXPECT_EQ(read_http_answer(whole.substr(0, size), answer), HttpRead::more) << size;
}

TEST(HttpAnswerRead, KnowsWhatIsNoHttp) {
    HttpAnswer answer;
    for (const char* text : {"SSH-2.0-x", "HTTP/2 200\r\n\r\n", "HTTP/1.1-200 x", "HTTP/1.1 2x0 OK",
                             "HTTP/1.1 000 OK\r\n\r\n", "h"})
        EXPECT_EQ(read_http_answer(text, answer), HttpRead::no_http) << text;
}

// What one connection does.
enum class Manner { answers, says_nothing, hangs_up, babbles };

Task<void> serve_one(core::TcpListener& listener, Manner manner, std::string answer,
                     std::string& asked) {
    core::Result<core::TcpStream> stream = co_await listener.accept();
    if (!stream || manner == Manner::hangs_up) co_return;
    char buffer[2048];
    const core::Result<std::size_t> got = co_await stream->read_some(buffer);
    if (got) asked.assign(buffer, *got);
    if (manner == Manner::answers || manner == Manner::babbles) {
        const core::Result<void> sent = co_await stream->write_all(answer);
        static_cast<void>(sent);
    }
    // Until the prober has gone.
    if (manner == Manner::says_nothing) {
        const core::Result<std::size_t> end = co_await stream->read_some(buffer);
        static_cast<void>(end);
    }
}

struct Asked {
    ProbeResult result;
    std::string request;
};

Task<int> ask_once(Manner manner, std::string answer, core::Duration most, Asked& asked) {
    auto listener = core::TcpListener::bind(core::InetAddress::loopback(0));
    PF_CHECK(listener.ok(), "a port of loopback");
    config::ProbeTarget target;
    target.kind = config::ProbeTarget::Kind::http;
    target.address = listener->local_address().text();
    target.path = "/ready?deep=1";
    Task<void> server = serve_one(*listener, manner, answer, asked.request);
    auto served = core::spawn(std::move(server));
    const core::TimePoint deadline = core::runtime_now() + most;
    asked.result = co_await probe_by_network(target, deadline);
    co_await std::move(served);
    co_return 0;
}

Asked ask(Manner manner, const std::string& answer, core::Duration most = seconds(20)) {
    Asked asked;
    core::Runtime runtime(core::RuntimeOptions{});
    EXPECT_EQ(runtime.run(ask_once(manner, answer, most, asked)), 0);
    return asked;
}

TEST(HttpProbe, IsOkFrom200To399AndKeepsTheBody) {
    const Asked good = ask(Manner::answers, "HTTP/1.1 302 Found\r\n\r\nelsewhere");
    EXPECT_TRUE(good.result.ok);
    EXPECT_EQ(good.result.detail, "answered 302");
    EXPECT_EQ(good.result.output, "elsewhere");
    EXPECT_TRUE(good.request.starts_with("GET /ready?deep=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
    const Asked bad = ask(Manner::answers, "HTTP/1.1 500 Oh\r\n\r\nno database");
    EXPECT_FALSE(bad.result.ok);
    EXPECT_EQ(bad.result.detail, "answered 500");
    EXPECT_EQ(bad.result.output, "no database");
}

TEST(HttpProbe, SaysHowItGotNoAnswer) {
    EXPECT_EQ(ask(Manner::says_nothing, {}, milliseconds(100)).result.detail,
              "did not answer in time");
    EXPECT_EQ(ask(Manner::babbles, "220 mail ready\r\n").result.detail,
              "answered something that is not HTTP");
    EXPECT_FALSE(ask(Manner::hangs_up, {}).result.ok);
    const std::string endless = "HTTP/1.1 200 OK\r\nX: " + std::string(40000, 'x');
    EXPECT_FALSE(ask(Manner::answers, endless).result.ok) << "a head without end";
}

Task<int> ask_by_tcp() {
    auto listener = core::TcpListener::bind(core::InetAddress::loopback_v6(0));
    PF_CHECK(listener.ok(), "a port of loopback");
    config::ProbeTarget target;
    target.address = "localhost:" + std::to_string(listener->local_address().port());
    const core::TimePoint deadline = core::runtime_now() + seconds(20);
    const ProbeResult taken = co_await probe_by_network(target, deadline);
    EXPECT_TRUE(taken.ok) << "localhost is ::1 too: " << taken.detail;
    *listener = core::TcpListener();
    const ProbeResult refused = co_await probe_by_network(target, deadline);
    EXPECT_FALSE(refused.ok);
    EXPECT_NE(refused.detail.find("127.0.0.1"), std::string::npos) << refused.detail;
    co_return 0;
}

TEST(TcpProbe, IsOkWhenAConnectionIsTaken) {
    core::Runtime runtime(core::RuntimeOptions{});
    EXPECT_EQ(runtime.run(ask_by_tcp()), 0);
}

}  // namespace
}  // namespace pilotfish::daemon
