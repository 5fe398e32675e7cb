// Row of a dump as an operator asks for it: all stacks over HTTP, by the admin plane's own server
// and with the body the daemon gives it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "core/channel.h"
#include "core/runtime.h"
#include "core/stack_dump.h"
#include "core/task.h"
#include "http/server.h"
#include "tests/bench/runtime_micro/bench.h"
#include "tests/http/canned_sources.h"

namespace pilotfish::bench {
namespace {

using core::Channel;
using core::spawn;
using core::Task;

constexpr int kTasks = 10'000;

class Dump : public http::BodyStream {
  public:
    Pull next(std::string& out) override {
        out += core::stack_text(true);
        return Pull::end;
    }
};

Task<> parks(Channel<int>& never) { (void)co_await never.receive(); }

// The bytes of the answer, the connection and its end included.
std::size_t get(int port) {
    static constexpr std::string_view kRequest =
        "GET /debug/pprof/goroutine?debug=2 HTTP/1.1\r\nHost: localhost\r\nConnection: "
        "close\r\n\r\n";
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<in_port_t>(port));
    if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        write(fd, kRequest.data(), kRequest.size()) != ssize_t{kRequest.size()})
        std::abort();
    std::size_t sum = 0;
    static char room[65536];
    for (ssize_t bytes = 0; (bytes = read(fd, room, sizeof room)) > 0;)
        sum += static_cast<std::size_t>(bytes);
    close(fd);
    return sum;
}

double median_ms(int port) {
    std::vector<double> took_ms;
    for (int i = 0; i < 9; ++i) {
        const double begin = wall_ns();
        if (get(port) < std::size_t{100} * kTasks) std::abort();
        took_ms.push_back((wall_ns() - begin) / 1e6);
    }
    return part(took_ms, 50);
}

Task<Values> dump_over_http() {
    Channel<int> never;
    for (int i = 0; i < kTasks; ++i) spawn(parks(never)).detach();
    const auto sources = std::make_shared<tests::CannedSources>();
    sources->make_dump = [] { return std::make_unique<Dump>(); };
    http::Server server(sources, {});
    if (!server.bind(http::ListenerKind::admin, "127.0.0.1:0")) std::abort();
    if (!server.start()) std::abort();
    Channel<double> done;
    std::thread client([&] { done.post(median_ms(server.listeners()[0].port)); });
    const core::Received<double> took_ms = co_await done.receive();
    client.join();
    server.stop();
    never.close();
    co_await alone();
    co_return Values{Value{*took_ms.value}};
}

const Register kRow{{.metrics = {{"dump of 10k over HTTP", "ms"}},
                     .once = dump_over_http,
                     .runs = 1,
                     .warm_up = false}};

}  // namespace
}  // namespace pilotfish::bench
