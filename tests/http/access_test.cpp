#include "http/access.h"

#include <cstdio>

#include "http/peer.h"
#include "http/routes.h"
#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

class Levels : public ServerFixture {};

std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

TEST(Token, ComparesEqualOnlyWhatIsEqual) {
    EXPECT_TRUE(http::equal_in_constant_time("secret", "secret"));
    EXPECT_FALSE(http::equal_in_constant_time("secret", "secreT"));
    EXPECT_FALSE(http::equal_in_constant_time("secret", "secretsecret"));
    EXPECT_FALSE(http::equal_in_constant_time("secretsecret", "secret"));
    EXPECT_FALSE(http::equal_in_constant_time("secret", ""));
}

TEST(Token, IsReadAgainWhenItsFileChanges) {
    TempDir dir;
    dir.write("token", "one\n");
    http::Token token({"", dir.path() + "/token"});
    EXPECT_TRUE(token.matches("one"));
    // As a mounted secret changes: another file takes the name.
    dir.write("next", "two\n");
    ASSERT_EQ(std::rename((dir.path() + "/next").c_str(), (dir.path() + "/token").c_str()), 0);
    EXPECT_FALSE(token.matches("one"));
    EXPECT_TRUE(token.matches("two"));
    ASSERT_EQ(std::remove((dir.path() + "/token").c_str()), 0);
    EXPECT_FALSE(token.matches("two"));
    dir.write("token", "three");
    EXPECT_TRUE(token.matches("three"));
}

TEST(Token, IsNothingWhenItsFileIsEmptyOrTooLong) {
    TempDir dir;
    dir.write("empty", "\n");
    dir.write("long", std::string(5000, 'x'));
    EXPECT_FALSE(http::Token({"", dir.path() + "/empty"}).matches("\n"));
    EXPECT_FALSE(http::Token({"", dir.path() + "/empty"}).matches(""));
    EXPECT_FALSE(http::Token({"", dir.path() + "/long"}).matches(std::string(5000, 'x')));
}

http::Peer tcp(bool loopback) {
    http::Peer peer;
    peer.loopback = loopback;
    return peer;
}

TEST(Access, GivesALevelByWhereARequestComesFrom) {
    http::Access access({}, {});
    const http::Head head;
    http::Peer root;
    root.unix_socket = root.trusted = true;
    http::Peer stranger;
    stranger.unix_socket = true;
    EXPECT_EQ(access.judge(tcp(true), head).level, http::Level::read);
    EXPECT_EQ(access.judge(tcp(false), head).level, http::Level::metrics);
    EXPECT_EQ(access.judge(root, head).level, http::Level::admin);
    EXPECT_EQ(access.judge(stranger, head).level, http::Level::read);
}

TEST(Access, RaisesALevelByAToken) {
    http::Access access({"top", ""}, {"look", ""});
    http::Head head;
    const auto level = [&](std::string_view value) {
        head.fields = {{"AUTHORIZATION", value}};
        return access.judge(tcp(false), head);
    };
    EXPECT_EQ(level("Bearer top").level, http::Level::admin);
    EXPECT_EQ(level("bearer look").level, http::Level::read);
    EXPECT_EQ(level("Bearer other").level, http::Level::metrics);
    EXPECT_FALSE(level("Bearer other").token_good);
    EXPECT_FALSE(level("Bearer ").token_good);
    EXPECT_FALSE(level("Basic top").token_good);
    // The read token must not lower what the place gave.
    head.fields = {{"Authorization", "Bearer look"}};
    http::Peer root;
    root.unix_socket = root.trusted = true;
    EXPECT_EQ(access.judge(root, head).level, http::Level::admin);
}

TEST(UnixPeer, OfOurOwnUidAndNamespacesIsTrusted) {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    EXPECT_TRUE(http::unix_peer(pair[0]).trusted);
    close(pair[0]);
    close(pair[1]);
    // A socket without a peer has none to trust.
    const int tcp_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_FALSE(http::unix_peer(tcp_socket).trusted);
    close(tcp_socket);
}

TEST_F(Levels, LoopbackReadsWithoutAToken) {
    start();
    EXPECT_EQ(ask(get("/v1/limits")).status, 200);
}

TEST_F(Levels, AWrongTokenIsRefusedEvenWhereNoneIsNeeded) {
    http::ServerOptions options;
    options.read_token.value = "look";
    start(options);
    const Reply reply = ask(get("/v1/limits", bearer("wrong")));
    EXPECT_EQ(reply.status, 401);
    EXPECT_NE(reply.field("WWW-Authenticate").find("Bearer"), std::string::npos);
    EXPECT_EQ(ask(get("/v1/limits", bearer("look"))).status, 200);
    EXPECT_EQ(ask(get("/livez", bearer("wrong"))).status, 200);
}

TEST_F(Levels, AWebPageBehindADnsTrickOrOfAnotherSiteIsRefused) {
    http::ServerOptions options;
    options.read_token.value = "look";
    start(options);
    const auto with_host = [](const std::string& host, const std::string& more = "") {
        return "GET /v1/limits HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n";
    };
    EXPECT_EQ(ask(with_host("evil.example")).status, 403);
    EXPECT_EQ(ask(with_host("localhost.evil.example:9911")).status, 403);
    EXPECT_EQ(ask(with_host("")).status, 200);
    for (const char* good : {"localhost", "LOCALHOST:9911", "127.0.0.1:9911", "[::1]:9911",
                             "app.localhost", "10.1.2.3"}) {
        EXPECT_EQ(ask(with_host(good)).status, 200) << good;
    }
    EXPECT_EQ(ask(with_host("evil.example", bearer("look"))).status, 200);
    EXPECT_EQ(ask(with_host("localhost:9911", "Origin: http://evil.example\r\n")).status, 403);
    EXPECT_EQ(ask(with_host("localhost:9911", "Origin: null\r\n")).status, 403);
    EXPECT_EQ(ask(with_host("localhost:9911", "Origin: http://localhost:9911\r\n")).status, 200);
    // Probes and the index hold no data.
    EXPECT_EQ(ask("GET /livez HTTP/1.1\r\nHost: evil.example\r\n\r\n").status, 200);
}

TEST(Router, SaysWhatALevelNeeds) {
    const auto sources = std::make_shared<CannedSources>();
    http::PlaneStats stats;
    http::Access nobody({}, {});
    http::Access tokens({"top", ""}, {});
    http::Head head;
    const auto refused = [&](http::Access& access, const std::string& path) {
        const http::Router router({*sources, stats}, access);
        http::Request request;
        request.method = "GET";
        request.path = path;
        request.head = &head;
        return router.answer(request, tcp(false), http::ListenerKind::admin).response;
    };
    const http::Response plain = refused(nobody, "/v1/limits");
    EXPECT_EQ(plain.status, 403);
    EXPECT_EQ(plain.content_type, "application/problem+json");
    EXPECT_NE(plain.body.find("the level read"), std::string::npos);
    EXPECT_EQ(refused(tokens, "/v1/limits").status, 401);
    const http::Response pprof = refused(nobody, "/debug/pprof/goroutine");
    EXPECT_EQ(pprof.status, 403);
    EXPECT_EQ(pprof.headers.front().first, "X-Go-Pprof");
    EXPECT_EQ(refused(nobody, "/metrics").status, 200);
    EXPECT_EQ(refused(nobody, "/livez").status, 200);
}

}  // namespace
}  // namespace pilotfish::tests
