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

class Pool : public ServerFixture {};

TEST_F(Pool, AnswersProbesWhileEveryPoolThreadIsStuck) {
    start();
    sources->runtime_gate.shut();
    std::vector<RawClient> stuck;
    for (int i = 0; i < 20; ++i) {
        stuck.emplace_back(admin_port);
        ASSERT_TRUE(stuck.back().send(get("/v1/runtime")));
    }
    sources->runtime_gate.await_waiting(2);
    for (int port : {admin_port, probe_port}) {
        for (int i = 0; i < 20; ++i) EXPECT_EQ(ask(get("/livez"), port).status, 200);
    }
    sources->runtime_gate.open();
    for (RawClient& client : stuck) EXPECT_EQ(client.read().status, 200);
}

TEST_F(Pool, AnswersForAPageThatTakesTooLong) {
    http::ServerOptions options;
    options.answer_timeout = 100ms;
    start(options);
    sources->runtime_gate.shut();
    for (int i = 0; i < 5; ++i) {
        const Reply reply = ask(get("/v1/runtime"));
        EXPECT_EQ(reply.status, 503);
        EXPECT_EQ(reply.field("Retry-After"), "1");
    }
    sources->runtime_gate.open();
    // Those given up must not have left their answers or their jobs to others.
    Reply reply;
    do reply = ask(get("/v1/limits"));
    while (reply.status == 503);
    EXPECT_NE(reply.body.find("\"cpu\""), std::string::npos);
}

TEST_F(Pool, StopsWithoutAPageThatDoesNotReturn) {
    http::ServerOptions options;
    options.stop_patience = 10ms;
    start(options);
    sources->runtime_gate.shut();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/v1/runtime")));
    sources->runtime_gate.await_waiting(1);
    server.reset();
    sources->runtime_gate.open();
    sources->runtime_gate.await_waiting(0);
}

}  // namespace
}  // namespace pilotfish::tests
