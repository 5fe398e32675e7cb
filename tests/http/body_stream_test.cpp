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

class BodyStreams : public ServerFixture {};

TEST_F(BodyStreams, StreamsALongBodyInChunks) {
    sources->dump_pieces = {std::string(40'000, 'x'), std::string(50'000, 'y')};
    sources->dump_repeats = 200;
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send(get("/debug/pprof/goroutine?debug=2") + get("/livez")));
    const Reply reply = client.read();
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.field("Transfer-Encoding"), "chunked");
    EXPECT_EQ(reply.body.size(), 200U * 90'000U);
    EXPECT_EQ(client.read().body, "ok\n");
}

// What a followed log will be: says what it is told to, and waits in between.
class Feed {
  public:
    class Stream final : public http::BodyStream {
      public:
        explicit Stream(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {}
        ~Stream() override { feed_->set_gone(); }
        Pull next(std::string& out) override { return feed_->take(out); }
        void on_ready(std::function<void()> waker) override {
            const std::lock_guard lock(feed_->mutex_);
            feed_->waker_ = std::move(waker);
            feed_->changed_.notify_all();
        }

      private:
        std::shared_ptr<Feed> feed_;
    };

    void say(const std::string& text, bool last = false) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waker_ != nullptr; });
        text_ += text;
        last_ = last;
        const auto waker = waker_;
        lock.unlock();
        waker();
    }
    void await_gone() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return gone_; });
    }

  private:
    http::BodyStream::Pull take(std::string& out) {
        const std::lock_guard lock(mutex_);
        out += std::exchange(text_, {});
        return last_ ? http::BodyStream::Pull::end : http::BodyStream::Pull::wait;
    }
    void set_gone() {
        const std::lock_guard lock(mutex_);
        gone_ = true;
        changed_.notify_all();
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> waker_;
    std::string text_;
    bool last_ = false;
    bool gone_ = false;
};

TEST_F(BodyStreams, FollowsAStreamThatWaitsWithoutAThreadForIt) {
    std::vector<std::shared_ptr<Feed>> feeds;
    sources->make_dump = [&] {
        feeds.push_back(std::make_shared<Feed>());
        return std::make_unique<Feed::Stream>(feeds.back());
    };
    start();
    std::vector<RawClient> followers;
    for (std::size_t i = 0; i < 20; ++i) {
        followers.emplace_back(admin_port);
        ASSERT_TRUE(followers.back().send(get("/debug/pprof/goroutine?debug=2")));
        EXPECT_EQ(followers.back().read(true).status, 200);
    }
    // Ten times what the pool has threads, and others are still answered.
    EXPECT_EQ(ask(get("/v1/limits")).status, 200);
    ASSERT_EQ(feeds.size(), followers.size());
    for (int round = 0; round < 100; ++round) {
        for (const auto& feed : feeds) feed->say("line\n");
    }
    for (std::size_t i = 0; i < feeds.size(); ++i) {
        feeds[i]->say("end\n", true);
        const std::string body = followers[i].read_body_in_chunks();
        EXPECT_EQ(body.size(), 100U * 5U + 4U);
    }
    for (const auto& feed : feeds) feed->await_gone();
}

TEST_F(BodyStreams, LetsGoOfAStreamWhoseReaderLeft) {
    const auto feed = std::make_shared<Feed>();
    sources->make_dump = [&] { return std::make_unique<Feed::Stream>(feed); };
    start();
    {
        RawClient follower(admin_port);
        ASSERT_TRUE(follower.send(get("/debug/pprof/goroutine?debug=2")));
        EXPECT_EQ(follower.read(true).status, 200);
    }
    feed->await_gone();
    feed->say("nobody listens");  // a waker may be called after the end
    EXPECT_EQ(ask(get("/livez")).status, 200);
}

TEST_F(BodyStreams, EndsAStreamByClosingInHttp10) {
    start();
    RawClient client(admin_port);
    ASSERT_TRUE(client.send("GET /debug/pprof/goroutine?debug=2 HTTP/1.0\r\n\r\n"));
    const Reply reply = client.read();
    EXPECT_EQ(reply.field("Transfer-Encoding"), "");
    EXPECT_EQ(reply.body, "goroutine 1 [running]:\nmain\n");
}

}  // namespace
}  // namespace pilotfish::tests
