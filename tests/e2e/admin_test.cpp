// The admin plane of the real binary, and what a taken port does.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "tests/e2e/support/observe.h"
#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {
namespace {

class AdminPlane : public EndToEnd {};

// A port somebody else listens on, as long as this lives.
class TakenPort {
  public:
    explicit TakenPort(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int yes = 1;
        setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        bound_ = bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                 listen(fd_, 1) == 0;
    }
    ~TakenPort() { close(fd_); }
    TakenPort(const TakenPort&) = delete;
    TakenPort& operator=(const TakenPort&) = delete;
    bool bound() const { return bound_; }

  private:
    int fd_;
    bool bound_ = false;
};

std::string address(int port) { return "127.0.0.1:" + std::to_string(port); }

TEST_F(AdminPlane, AnswersProbesMetricsLimitsAndDumps) {
    const int port = free_port();
    Process daemon(entrypoint({"sh", "-c", "echo ready; read line"}),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", address(port)}}});
    daemon.wait_line("ready");
    for (const char* path :
         {"/livez", "/readyz", "/startupz", "/healthz", "/metrics", "/v1/runtime", "/v1/limits",
          "/v1/workers", "/debug/pprof/goroutine?debug=1", "/debug/pprof/goroutine?debug=2"})
        EXPECT_EQ(http_get(port, path).status, 200) << path;
    EXPECT_NE(http_get(port, "/v1/workers").body.find("\"main\""), std::string::npos);
    EXPECT_NE(http_get(port, "/metrics").body.find("pilotfish_"), std::string::npos);
    EXPECT_EQ(http_get(port, "/no/such/page").status, 404);
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(AdminPlane, TellsWhatHasHappenedInItsOrder) {
    const int port = free_port();
    Process daemon(entrypoint({"sh", "-c", "echo ready; read line"}),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", address(port)}}});
    daemon.wait_line("ready");
    // Ready is told after exec, beside the worker's first line.
    std::string events;
    EXPECT_TRUE(eventually([&] {
        events = http_get(port, "/v1/events").body;
        return events.find(R"("state":"ready")") != std::string::npos;
    })) << events;
    const std::size_t starting = events.find(R"("state":"starting")");
    EXPECT_LT(starting, events.find(R"("state":"ready")")) << events;
    EXPECT_TRUE(events.find("event: worker\n") != std::string::npos) << events;
    const std::string first = events.substr(events.find("id: ") + 4, 16);
    EXPECT_EQ(http_get(port, "/v1/events?since=" + first).body.find("id: " + first + "\n"),
              std::string::npos);
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(AdminPlane, IsThereBeforeTheWorkersFirstStatement) {
    // Whoever starts a worker that asks at once must get an answer.
    const int port = free_port();
    const Outcome outcome =
        run(entrypoint({"bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/" + std::to_string(port)}),
            {.env = {{"PILOTFISH_ADMIN_LISTEN", address(port)}}});
    EXPECT_EQ(outcome.end, exited(0)) << outcome.err;
}

TEST_F(AdminPlane, IsNotReadyFromTheFirstMomentOfShutdown) {
    const int port = free_port();
    Process daemon(entrypoint({"bash", "-c",
                               "trap 'echo told; read line; exit 0' TERM; echo ready; while :; do "
                               "read -t 1 line; done"}),
                   {.env = {{"PILOTFISH_ADMIN_LISTEN", address(port)}}});
    daemon.wait_line("ready");
    EXPECT_EQ(http_get(port, "/readyz").status, 200);
    daemon.signal(SIGTERM);
    daemon.wait_line("told");
    EXPECT_EQ(http_get(port, "/readyz").status, 503);
    EXPECT_EQ(http_get(port, "/livez").status, 200);
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

TEST_F(AdminPlane, OnATakenConfiguredAddressStopsTheStartBeforeAnyWorker) {
    const int port = free_port();
    const TakenPort taken(port);
    ASSERT_TRUE(taken.bound());
    const Outcome outcome = run(entrypoint({"echo", "the worker ran"}),
                                {.env = {{"PILOTFISH_ADMIN_LISTEN", address(port)}}});
    EXPECT_EQ(outcome.end, exited(2));
    EXPECT_EQ(outcome.out, "");
    EXPECT_NE(outcome.err.find(address(port)), std::string::npos) << outcome.err;
}

TEST_F(AdminPlane, OnATakenDefaultAddressWarnsAndGoesOn) {
    const TakenPort taken(9911);  // when somebody else has it, it is taken as well
    const Outcome outcome =
        run({"env", "-u", "PILOTFISH_ADMIN_LISTEN", pilotfish(), "--", "echo", "the worker ran"});
    EXPECT_EQ(outcome.end, exited(0));
    EXPECT_EQ(outcome.out, "the worker ran\n");
    EXPECT_NE(outcome.err.find("127.0.0.1:9911"), std::string::npos) << outcome.err;
}

TEST_F(AdminPlane, ForProbesServesNothingElse) {
    const int port = free_port();
    Process daemon(entrypoint({"sh", "-c", "echo ready; read line"}),
                   {.env = {{"PILOTFISH_PROBE_LISTEN", address(port)}}});
    daemon.wait_line("ready");
    for (const char* path : {"/livez", "/readyz", "/startupz"})
        EXPECT_EQ(http_get(port, path).status, 200) << path;
    for (const char* path : {"/metrics", "/v1/workers", "/v1/limits", "/"})
        EXPECT_EQ(http_get(port, path).status, 404) << path;
    daemon.write("\n");
    EXPECT_EQ(daemon.wait(), exited(0));
}

}  // namespace
}  // namespace pilotfish::e2e
