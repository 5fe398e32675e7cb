#include <fcntl.h>
#include <sys/stat.h>

#include <csignal>

#include "http/address.h"
#include "tests/http/raw_client.h"
#include "tests/support/test_support.h"

namespace pilotfish::tests {
namespace {

using http::Listener;
using http::ListenerKind;

class Listeners : public ServerFixture {};

std::string failure(const std::string& address) {
    const auto listener = Listener::open(address);
    return listener ? "" : listener.error().message;
}

TEST(Address, RefusesWhatItWouldHaveToLookUpOrGuess) {
    for (const char* bad :
         {"", "9911", "example.com:9911", "127.0.0.1", "127.0.0.1:", ":9911", "127.0.0.1:65536",
          "127.0.0.1:-1", "127.0.0.1:9911x", "::1:9911", "[::1]", "[::1:9911", "[zz]:1",
          "unix:", "unix:relative", "http://127.0.0.1:9911"}) {
        EXPECT_NE(failure(bad).find("cannot listen on " + std::string(bad)), std::string::npos)
            << bad;
        EXPECT_NE(failure(bad).find("accepted are"), std::string::npos) << bad;
    }
    EXPECT_NE(failure("unix:/" + std::string(200, 'x')).find("at most 107"), std::string::npos);
}

TEST(Address, OfATakenPortIsNamedAtOnce) {
    auto first = Listener::open("127.0.0.1:0");
    ASSERT_TRUE(first.ok());
    const auto second = Listener::open(first->name());
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().message,
              "cannot listen on " + first->name() + ": address already in use");
    EXPECT_EQ(second.error().system_errno, EADDRINUSE);
}

TEST(Address, OfLocalhostNeedsNoResolver) {
    auto listener = Listener::open("localhost:0");
    ASSERT_TRUE(listener.ok());
    EXPECT_GT(listener->port(), 0);
    EXPECT_NE(fcntl(listener->fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(Address, OfAllIpv6TakesIpv4Too) {
    auto listener = Listener::open("[::]:0");
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    EXPECT_TRUE(RawClient(listener->port()).connected());
}

TEST(UnixSocket, IsForItsOwnerAloneFromTheFirstMomentOn) {
    TempDir dir;
    const mode_t old = umask(0);
    auto listener = Listener::open("unix:" + dir.path() + "/s");
    umask(old);
    ASSERT_TRUE(listener.ok()) << listener.error().message;
    struct stat info{};
    ASSERT_EQ(stat((dir.path() + "/s").c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0600U);
}

TEST(UnixSocket, ReplacesAFileNobodyAnswersOnAndNoOther) {
    TempDir dir;
    const std::string path = dir.path() + "/s";
    // What a killed daemon leaves behind: a bound file without a socket.
    const int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    close(dead);
    auto first = Listener::open("unix:" + path);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_NE(failure("unix:" + path).find("address already in use"), std::string::npos);
    EXPECT_TRUE(RawClient(path).connected());
    dir.write("file", "precious");
    EXPECT_NE(failure("unix:" + dir.path() + "/file"), "");
    EXPECT_EQ(read_file(dir.path() + "/file"), "precious");
}

TEST(UnixSocket, IsRemovedAtTheEndUnlessItIsAnothers) {
    TempDir dir;
    const std::string path = dir.path() + "/s";
    {
        ASSERT_TRUE(Listener::open("unix:" + path).ok());
    }
    EXPECT_NE(access(path.c_str(), F_OK), 0);
    {
        auto old = Listener::open("unix:" + path);
        ASSERT_TRUE(old.ok());
        ASSERT_EQ(unlink(path.c_str()), 0);
        dir.write("s", "another's");
    }
    EXPECT_EQ(access(path.c_str(), F_OK), 0);
}

TEST_F(Listeners, ServeWhatTheirKindIsFor) {
    start();
    EXPECT_EQ(ask(get("/livez"), probe_port).status, 200);
    EXPECT_EQ(ask(get("/readyz"), probe_port).status, 503);
    EXPECT_EQ(ask(get("/metrics"), probe_port).status, 404);
    EXPECT_EQ(ask(get("/debug/pprof/"), probe_port).status, 404);
    EXPECT_EQ(ask(get("/"), probe_port).status, 404);
    EXPECT_EQ(ask(get("/metrics"), metrics_port).status, 200);
    EXPECT_EQ(ask(get("/v1/limits"), metrics_port).status, 404);
    EXPECT_EQ(ask(get("/livez"), metrics_port).status, 404);
}

TEST_F(Listeners, TakeConnectionsBeforeTheStart) {
    server = std::make_unique<http::Server>(sources, http::ServerOptions{});
    ASSERT_TRUE(server->bind(ListenerKind::admin, "127.0.0.1:0").ok());
    RawClient early(server->listeners()[0].port);
    ASSERT_TRUE(early.send(get("/livez")));
    ASSERT_TRUE(server->start().ok());
    EXPECT_EQ(early.read().status, 200);
}

TEST_F(Listeners, OfTheImageBeforeAreGoneOnWithByKindAndAddress) {
    auto socket = [](Listener& from) { return fcntl(from.fd(), F_DUPFD_CLOEXEC, 3); };
    auto before = Listener::open("127.0.0.1:0");
    auto unwanted = Listener::open("127.0.0.1:0");
    ASSERT_TRUE(before.ok() && unwanted.ok());
    const int kept = socket(*before);
    const int closed = socket(*unwanted);
    server = std::make_unique<http::Server>(sources, http::ServerOptions{});
    server->inherit({{ListenerKind::probe, {}, 0, closed, "127.0.0.1:0"},
                     {ListenerKind::admin, {}, 0, kept, "127.0.0.1:0"}});
    ASSERT_TRUE(server->bind(ListenerKind::admin, "127.0.0.1:0").ok());
    ASSERT_TRUE(server->bind(ListenerKind::admin, "127.0.0.1:0").ok());
    const auto bound = server->listeners();
    EXPECT_EQ(bound[0].fd, kept);
    EXPECT_EQ(bound[0].port, before->port());
    EXPECT_NE(bound[1].port, before->port()) << "one socket serves one address";
    ASSERT_TRUE(server->start().ok());
    const std::string unwanted_name = unwanted->name();
    {
        const Listener ours = std::move(*unwanted);
    }
    EXPECT_EQ(failure(unwanted_name), "") << "nobody asked for it and it is open";
    EXPECT_EQ(ask(get("/livez"), before->port()).status, 200);
}

TEST_F(Listeners, IsNotTakenForOneThatDoesNotListen) {
    const int other = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const auto adopted = Listener::adopt("127.0.0.1:0", other);
    ASSERT_FALSE(adopted.ok());
    EXPECT_NE(adopted.error().message.find("no listening socket"), std::string::npos);
    EXPECT_EQ(fcntl(other, F_GETFD), -1) << "it is nobody's now";
}

TEST_F(Listeners, OnUnixSocketsKnowTheirOwner) {
    TempDir dir;
    const std::string abstract = "@pilotfish-test-" + std::to_string(getpid());
    server = std::make_unique<http::Server>(sources, http::ServerOptions{});
    ASSERT_TRUE(server->bind(ListenerKind::admin, "unix:" + dir.path() + "/s").ok());
    ASSERT_TRUE(server->bind(ListenerKind::admin, "unix:" + abstract).ok());
    ASSERT_TRUE(server->start().ok());
    for (const std::string& path : {dir.path() + "/s", abstract}) {
        RawClient client(path);
        ASSERT_TRUE(client.connected()) << path;
        ASSERT_TRUE(client.send(get("/v1/limits")));
        EXPECT_EQ(client.read().status, 200);
    }
}

TEST_F(Listeners, LeaveSignalsAndDispositionsAlone) {
    struct sigaction before{};
    ASSERT_EQ(sigaction(SIGPIPE, nullptr, &before), 0);
    start();
    EXPECT_EQ(ask(get("/v1/limits")).status, 200);
    struct sigaction after{};
    ASSERT_EQ(sigaction(SIGPIPE, nullptr, &after), 0);
    EXPECT_EQ(before.sa_handler, after.sa_handler);
    sigset_t mask;
    ASSERT_EQ(pthread_sigmask(SIG_BLOCK, nullptr, &mask), 0);
    EXPECT_EQ(sigismember(&mask, SIGTERM), 0);
}

}  // namespace
}  // namespace pilotfish::tests
