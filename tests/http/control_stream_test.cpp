#include "http/control_stream.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <nlohmann/json.hpp>

#include "tests/http/canned_control.h"
#include "tests/http/raw_client.h"

namespace pilotfish::tests {
namespace {

using http::Reached;
using http::WorkerAction;
using namespace std::chrono_literals;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

http::WorkerView worker_in(const std::string& state, std::uint64_t starts) {
    http::WorkerView worker = canned_worker("web");
    worker.state = state;
    worker.starts = starts;
    return worker;
}

TEST(HowFar, StopsAreReachedByTheEndAlone) {
    for (const char* state : {"ready", "running", "stopping", "backoff", "starting", "waiting"})
        EXPECT_EQ(how_far(worker_in(state, 1), {"web", 0}, WorkerAction::stop), Reached::not_yet)
            << state;
    for (const char* state : {"finished", "failed"})
        EXPECT_EQ(how_far(worker_in(state, 1), {"web", 0}, WorkerAction::stop), Reached::yes);
}

TEST(HowFar, TheRunBeforeARestartIsNotTheOneAfterIt) {
    const http::AskedWorker asked{"web", 4};
    EXPECT_EQ(how_far(worker_in("ready", 3), asked, WorkerAction::restart), Reached::not_yet);
    EXPECT_EQ(how_far(worker_in("failed", 3), asked, WorkerAction::start), Reached::not_yet);
    EXPECT_EQ(how_far(worker_in("running", 4), asked, WorkerAction::restart), Reached::not_yet);
    EXPECT_EQ(how_far(worker_in("ready", 4), asked, WorkerAction::restart), Reached::yes);
    EXPECT_EQ(how_far(worker_in("finished", 4), asked, WorkerAction::start), Reached::yes)
        << "a oneshot has run";
    EXPECT_EQ(how_far(worker_in("failed", 4), asked, WorkerAction::start), Reached::never);
}

class Waiting : public ServerFixture {
  protected:
    void SetUp() override { sources->control_here = &control; }
    // As a state of a worker changes: it is seen first, and told then.
    void change(std::size_t at, const std::string& state, std::uint64_t starts) {
        {
            const std::lock_guard lock(sources->workers_mutex);
            sources->worker_list[at].state = state;
            sources->worker_list[at].starts = starts;
        }
        sources->feed.add({});
    }
    CannedControl control;
};

std::string post(const std::string& target, const std::string& body = {}) {
    return "POST " + target +
           " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer top\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
}

http::ServerOptions with_token() {
    http::ServerOptions options;
    options.admin_token.value = "top";
    return options;
}

TEST_F(Waiting, AnswersOnceTheWorkerIsThere) {
    start(with_token());
    control.answer.workers = {{"web", 4}};
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(post("/v1/workers/web/restart?wait=1m")));
    EXPECT_EQ(client.read(true).status, 202);
    change(0, "starting", 3);
    change(0, "ready", 4);
    const Json json = Json::parse(client.read_body_in_chunks());
    EXPECT_EQ(json["reached"], true);
    EXPECT_EQ(json["workers"][0]["name"], "web");
    EXPECT_EQ(json["workers"][0]["state"], "ready");
    EXPECT_EQ(control.asked(), std::vector<std::string>{"restart web"});
}

TEST_F(Waiting, AnswersWithWhatThereIsWhenTheTimeIsOver) {
    start(with_token());
    control.answer.workers = {{"web", 4}};
    const auto begun = Clock::now();
    const Reply reply = ask(post("/v1/workers/web/start?wait=50ms"));
    EXPECT_GE(Clock::now() - begun, 50ms);
    EXPECT_LT(Clock::now() - begun, 10s) << "the stream's own deadline counts, not the pulse";
    EXPECT_EQ(Json::parse(reply.body)["reached"], false);
}

TEST_F(Waiting, EndsAtOnceWhenAWorkerCanNeverGetThere) {
    start(with_token());
    control.answer.workers = {{"web", 4}};
    change(0, "failed", 4);
    EXPECT_EQ(Json::parse(ask(post("/v1/workers/web/start?wait=1h")).body)["reached"], false);
}

TEST_F(Waiting, WaitsForAllInstances) {
    start(with_token());
    control.answer.workers = {{"web", 0}, {"db@1", 0}};
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(post("/v1/workers/web/stop?wait=1m")));
    EXPECT_EQ(client.read(true).status, 202);
    change(0, "finished", 3);
    change(1, "failed", 3);
    EXPECT_EQ(Json::parse(client.read_body_in_chunks())["reached"], true);
}

TEST_F(Waiting, HoldsNoThread) {
    start(with_token());
    control.answer.workers = {{"web", 9}};
    std::vector<RawClient> waiting;
    for (int i = 0; i < http::ControlStream::kMost; ++i) {
        waiting.emplace_back(admin_port);
        ASSERT_TRUE(waiting.back().send(post("/v1/workers/web/start?wait=1h")));
        ASSERT_EQ(waiting.back().read(true).status, 202);
    }
    EXPECT_EQ(ask(get("/v1/workers")).status, 200) << "pages are answered beside them";
    const Reply refused = ask(post("/v1/workers/web/start?wait=1h"));
    EXPECT_EQ(refused.status, 503) << "and no more of them are taken than there is room for";
    EXPECT_NE(refused.body.find("nothing was done"), std::string::npos);
    EXPECT_EQ(ask(post("/v1/workers/web/start")).status, 202);
}

TEST_F(Waiting, RefusesATimeThatIsNone) {
    start(with_token());
    for (const char* wait : {"", "10", "-1s", "2h", "1x", "10 s", "99999999999999999999s"}) {
        const Reply reply = ask(post("/v1/workers/web/stop?wait=" + std::string(wait)));
        EXPECT_EQ(reply.status, 400) << wait;
    }
    EXPECT_TRUE(control.asked().empty()) << "nothing is done by halves";
}

class ControlPages : public Waiting {};

TEST_F(ControlPages, ChangeNothingByGetAndNothingWithoutTheLevel) {
    start(with_token());
    for (const std::string path :
         {"/v1/workers/web/start", "/v1/workers/web/stop", "/v1/workers/web/restart",
          "/v1/workers/web/signal", "/v1/shutdown", "/v1/upgrade", "/v1/config/reload"}) {
        EXPECT_EQ(ask(get(path, "Authorization: Bearer top\r\n")).status, 405) << path;
        const Reply open =
            ask("POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + "Content-Length: 0\r\n\r\n");
        EXPECT_EQ(open.status, 401) << path;
        EXPECT_NE(open.body.find("needs the level admin"), std::string::npos) << open.body;
    }
    EXPECT_TRUE(control.asked().empty());
}

TEST_F(ControlPages, AnswerWithTheStateAtOnce) {
    start(with_token());
    control.answer.workers = {{"web", 4}};
    const Reply reply = ask(post("/v1/workers/web/stop"));
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.field("Content-Type"), "application/json");
    const Json json = Json::parse(reply.body);
    EXPECT_EQ(json["reached"], false);
    EXPECT_EQ(json["workers"][0]["pid"], 4711);
    EXPECT_EQ(control.last_who().substr(0, 10), "127.0.0.1:") << "for the log";
}

TEST_F(ControlPages, TakeTheSignalFromQueryOrBody) {
    start(with_token());
    EXPECT_EQ(ask(post("/v1/workers/web/signal?signal=HUP")).status, 202);
    EXPECT_EQ(ask(post("/v1/workers/web/signal", "x=1&signal=USR1\n")).status, 202);
    EXPECT_EQ(ask(post("/v1/workers/web/signal?signal=RTMIN+1")).status, 202);
    EXPECT_EQ(ask(post("/v1/workers/web/signal", "signal=RTMIN%2B1")).status, 202);
    EXPECT_EQ(ask(post("/v1/workers/web/signal")).status, 400);
    EXPECT_EQ(ask(post("/v1/workers/web/signal?signal=HUP&wait=1s")).status, 400);
    EXPECT_EQ(control.asked(),
              (std::vector<std::string>{"signal web HUP", "signal web USR1", "signal web RTMIN+1",
                                        "signal web RTMIN+1"}));
}

TEST_F(ControlPages, PassOnWhyNot) {
    start(with_token());
    control.answer = http::refused(409, "cannot stop web: the container is being stopped");
    const Reply reply = ask(post("/v1/workers/web/stop?wait=1m"));
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.field("Content-Type"), "application/problem+json");
    EXPECT_EQ(Json::parse(reply.body)["title"], "Conflict");
    EXPECT_EQ(Json::parse(reply.body)["detail"], "cannot stop web: the container is being stopped");
}

TEST_F(ControlPages, DoWhatCutsTheAnswerOffAfterItHasLeft) {
    start(with_token());
    std::atomic<int> times{0};
    std::promise<void> done;
    control.answer.json = "{\"shutdown\":\"begun\"}\n";
    control.answer.afterwards = [&] {
        if (++times == 1) done.set_value();
    };
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(post("/v1/shutdown")));
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.body, "{\"shutdown\":\"begun\"}\n");
    ASSERT_EQ(done.get_future().wait_for(20s), std::future_status::ready);
    // The next answer on the same connection does not do it again.
    control.answer.afterwards = nullptr;
    ASSERT_TRUE(client.send(get("/livez")));
    EXPECT_EQ(client.read().status, 200);
    EXPECT_EQ(times.load(), 1);
}

TEST_F(ControlPages, ReadTheConfigurationAgainOrOnlyTellWhatWouldChange) {
    start(with_token());
    EXPECT_EQ(ask(post("/v1/config/reload?dry_run=1")).status, 202);
    EXPECT_EQ(ask(post("/v1/config/reload?dry_run=0")).body, "{}\n");
    EXPECT_EQ(ask(post("/v1/upgrade")).status, 202);
    EXPECT_EQ(control.asked(), (std::vector<std::string>{"dry reload", "reload", "upgrade"}));
}

TEST_F(ControlPages, SayWhenThereIsNothingToControl) {
    sources->control_here = nullptr;
    start(with_token());
    EXPECT_EQ(ask(post("/v1/shutdown")).status, 501);
    EXPECT_EQ(ask(post("/v1/workers/web/stop")).status, 501);
}

}  // namespace
}  // namespace pilotfish::tests
