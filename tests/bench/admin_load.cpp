// Load on the admin plane over loopback: N keep-alive connections, one request in flight on each.
//
//     admin_load [--target /v1/limits] [--connections 32] [--seconds 3] [--json] [HOST:PORT]
//
// Without HOST:PORT it serves itself, from canned sources, on a port of the kernel's choice. With
// --torture N the server's pool is kept busy by dumps and N followers read at leisure, half as many
// heads drip, and the figures are those of the target (say /livez) beside them. Bounded by
// --seconds.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.h"
#include "tests/http/canned_sources.h"

namespace {

using namespace pilotfish;
using Clock = std::chrono::steady_clock;

struct Settings {
    std::string target = "/v1/limits";
    std::size_t connections = 32;
    double seconds = 3;
    std::size_t torture = 0;
    bool json = false;
    std::string address;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    if (inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr) != 1) fail("address");
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) fail("connect");
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void send_all(int fd, std::string_view text) {
    if (send(fd, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) {
        fail("send");
    }
}

std::string request_for(const std::string& target) {
    return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

// One connection's answer as it arrives; only answers with a Content-Length are understood.
struct Client {
    int fd = -1;
    std::string in;
    Clock::time_point asked;

    // True when an answer is whole; it is taken out then.
    bool take_answer(bool& good) {
        const std::size_t end = in.find("\r\n\r\n");
        if (end == std::string::npos) return false;
        const std::size_t at = in.find("\r\nContent-Length: ");
        if (at == std::string::npos || at > end) fail("an answer without Content-Length");
        const auto size = static_cast<std::size_t>(std::atol(in.c_str() + at + 18));
        if (in.size() < end + 4 + size) return false;
        good = in.compare(9, 3, "200") == 0;
        in.erase(0, end + 4 + size);
        return true;
    }
};

struct Figures {
    std::vector<double> latencies_us;
    std::size_t failures = 0;
    double seconds = 0;

    double percentile(double share) {
        if (latencies_us.empty()) return 0;
        const auto at =
            static_cast<std::size_t>(share * static_cast<double>(latencies_us.size() - 1));
        std::nth_element(latencies_us.begin(),
                         latencies_us.begin() + static_cast<std::ptrdiff_t>(at),
                         latencies_us.end());
        return latencies_us[at];
    }
};

Figures run_load(const Settings& settings, const std::string& address) {
    const std::string request = request_for(settings.target);
    const int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Client> clients(settings.connections);
    for (std::size_t i = 0; i < clients.size(); ++i) {
        clients[i].fd = connect_to(address);
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, clients[i].fd, &event);
    }
    Figures figures;
    figures.latencies_us.reserve(1 << 20);
    const auto begin = Clock::now();
    const auto end = begin + std::chrono::duration<double>(settings.seconds);
    for (Client& client : clients) {
        client.asked = Clock::now();
        send_all(client.fd, request);
    }
    epoll_event events[64];
    char buffer[65536];
    for (auto now = begin; now < end; now = Clock::now()) {
        const int count = epoll_wait(epoll_fd, events, 64, 100);
        for (int i = 0; i < count; ++i) {
            Client& client = clients[events[i].data.u64];
            const ssize_t got = recv(client.fd, buffer, sizeof buffer, 0);
            if (got <= 0) fail("the server hung up");
            client.in.append(buffer, static_cast<std::size_t>(got));
            bool good = false;
            if (!client.take_answer(good)) continue;
            const auto answered = Clock::now();
            figures.latencies_us.push_back(
                std::chrono::duration<double, std::micro>(answered - client.asked).count());
            if (!good) ++figures.failures;
            client.asked = answered;
            send_all(client.fd, request);
        }
    }
    figures.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    for (const Client& client : clients) close(client.fd);
    close(epoll_fd);
    return figures;
}

// Followers that never read what they asked for, and heads that never end.
std::vector<int> torture(const Settings& settings, const std::string& address) {
    std::vector<int> sockets;
    for (std::size_t i = 0; i < settings.torture; ++i) {
        sockets.push_back(connect_to(address));
        send_all(sockets.back(), request_for("/debug/pprof/goroutine?debug=2"));
        for (int drip = 0; drip < 2; ++drip) {
            sockets.push_back(connect_to(address));
            send_all(sockets.back(), "GET /v1/limits HTTP/1.1\r\nHost: 127");
        }
    }
    return sockets;
}

Settings read_settings(int argc, char** argv) {
    Settings settings;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] { return std::string(i + 1 < argc ? argv[++i] : ""); };
        if (word == "--target")
            settings.target = value();
        else if (word == "--connections")
            settings.connections = std::stoul(value());
        else if (word == "--seconds")
            settings.seconds = std::min(60.0, std::stod(value()));
        else if (word == "--torture")
            settings.torture = std::stoul(value());
        else if (word == "--json")
            settings.json = true;
        else
            settings.address = word;
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    const Settings settings = read_settings(argc, argv);
    auto sources = std::make_shared<tests::CannedSources>();
    sources->dump_pieces = {std::string(64 * 1024, 'x')};
    sources->dump_repeats = 1000;
    http::Server server(sources, {});
    std::string address = settings.address;
    if (address.empty()) {
        const auto bound = server.bind(http::ListenerKind::admin, "127.0.0.1:0");
        if (!bound || !server.start()) fail("server");
        address = server.listeners()[0].address;
    }
    const std::vector<int> others = torture(settings, address);
    Figures figures = run_load(settings, address);
    for (int fd : others) close(fd);
    const double rate = static_cast<double>(figures.latencies_us.size()) / figures.seconds;
    const double p50 = figures.percentile(0.5);
    const double p99 = figures.percentile(0.99);
    const double most = figures.percentile(1);
    std::printf(
        settings.json ? "{\"target\":\"%s\",\"connections\":%zu,\"requests_per_second\":%.0f,"
                        "\"p50_us\":%.0f,\"p99_us\":%.0f,\"max_us\":%.0f,\"failures\":%zu}\n"
                      : "%s c%zu: %.0f requests/s, p50 %.0f us, p99 %.0f us, max %.0f us, "
                        "%zu failed\n",
        settings.target.c_str(), settings.connections, rate, p50, p99, most, figures.failures);
    return figures.failures == 0 ? 0 : 1;
}
