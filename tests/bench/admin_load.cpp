// Load on the admin plane over loopback: N keep-alive connections, one request in flight on each.
//
//     admin_load                     the rows of tests/bench/run, one JSON object each
//     admin_load [--target /v1/limits] [--connections 32] [--seconds 3] [--torture N] [HOST:PORT]
//
// Without HOST:PORT it serves itself, from canned sources, on a port of the kernel's choice. With
// --torture N, N readers do not take the dumps they asked for, 2 N heads stay half-sent and (when
// it serves itself) both threads that make pages are stuck. The floor is a bare epoll loop that
// answers the same bytes without looking at the request. Bounded by --seconds, at most 60.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
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
        else
            settings.address = word;
    }
    return settings;
}

// Serves canned sources; stuck pages can be let go again.
class OwnServer {
  public:
    OwnServer() {
        sources_->dump_pieces = {std::string(64 * 1024, 'x')};
        sources_->dump_repeats = 1000;
        const auto bound = server_.bind(http::ListenerKind::admin, "127.0.0.1:0");
        if (!bound || !server_.start()) fail("server");
    }
    ~OwnServer() { sources_->runtime_gate.open(); }

    std::string address() const { return server_.listeners()[0].address; }
    // Returns once every thread of the pool stands still in a page.
    std::vector<int> stick_the_pool() {
        sources_->runtime_gate.shut();
        std::vector<int> sockets;
        for (int i = 0; i < 2; ++i) {
            sockets.push_back(connect_to(address()));
            send_all(sockets.back(), request_for("/v1/runtime"));
        }
        sources_->runtime_gate.await_waiting(2);
        return sockets;
    }

  private:
    std::shared_ptr<tests::CannedSources> sources_ = std::make_shared<tests::CannedSources>();
    http::Server server_{sources_, {}};
};

// Answers whatever arrives with one and the same text.
class BareLoop {
  public:
    explicit BareLoop(std::string answer) : answer_(std::move(answer)) {
        listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        if (bind(listener_, reinterpret_cast<sockaddr*>(&at), size) != 0) fail("bind");
        if (listen(listener_, 64) != 0) fail("listen");
        getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
        address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
        epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
        watch(listener_);
        thread_ = std::thread([this] { run(); });
    }
    ~BareLoop() {
        stopping_ = true;
        close(connect_to(address_));  // wakes it up
        thread_.join();
        close(listener_);
        close(epoll_fd_);
    }
    const std::string& address() const { return address_; }

  private:
    void watch(int fd) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
    }
    void run() {
        epoll_event events[64];
        char buffer[16384];
        while (!stopping_) {
            const int count = epoll_wait(epoll_fd_, events, 64, -1);
            for (int i = 0; i < count; ++i) {
                const int fd = events[i].data.fd;
                if (fd == listener_) {
                    const int made = accept4(fd, nullptr, nullptr, SOCK_CLOEXEC);
                    const int on = 1;
                    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                    watch(made);
                } else if (recv(fd, buffer, sizeof buffer, 0) <= 0) {
                    close(fd);
                } else {
                    send_all(fd, answer_);
                }
            }
        }
    }

    const std::string answer_;
    int listener_ = -1;
    int epoll_fd_ = -1;
    std::string address_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

double rate_of(const Figures& figures) {
    return static_cast<double>(figures.latencies_us.size()) / figures.seconds;
}

Figures torture_livez(double seconds) {
    OwnServer server;
    Settings settings;
    settings.target = "/livez";
    settings.connections = 1;
    settings.seconds = seconds;
    settings.torture = 8;
    std::vector<int> others = torture(settings, server.address());
    const std::vector<int> stuck = server.stick_the_pool();
    others.insert(others.end(), stuck.begin(), stuck.end());
    Figures figures = run_load(settings, server.address());
    for (int fd : others) close(fd);
    return figures;
}

int print_rows() {
    const Settings settings;
    OwnServer server;
    std::string answer =
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        "Content-Length: 301\r\n\r\n" +
        std::string(301, ' ');
    const BareLoop bare(answer);
    Figures ours = run_load(settings, server.address());
    const Figures floor = run_load(settings, bare.address());
    Figures probe = torture_livez(settings.seconds);
    const char* row = "admin requests a second, small JSON";
    std::printf(
        "{\"row\":\"%s\",\"unit\":\"1/s\",\"ours\":%.0f,\"floor\":%.0f,\"target\":35000,"
        "\"higher_is_better\":true}\n",
        row, rate_of(ours), rate_of(floor));
    std::printf("{\"row\":\"%s: p99\",\"unit\":\"ms\",\"ours\":%.3f,\"target\":2}\n", row,
                ours.percentile(0.99) / 1000);
    for (const auto& [name, share] : {std::pair("median", 0.5), std::pair("p99", 0.99)}) {
        std::printf(
            "{\"row\":\"/livez under torture: %s\",\"unit\":\"ms\",\"ours\":%.3f,"
            "\"target\":10}\n",
            name, probe.percentile(share) / 1000);
    }
    return ours.failures + probe.failures == 0 ? 0 : 1;
}

int print_one(const Settings& settings) {
    std::unique_ptr<OwnServer> server;
    std::string address = settings.address;
    if (address.empty()) {
        server = std::make_unique<OwnServer>();
        address = server->address();
    }
    std::vector<int> others = torture(settings, address);
    if (server && settings.torture > 0) {
        const std::vector<int> stuck = server->stick_the_pool();
        others.insert(others.end(), stuck.begin(), stuck.end());
    }
    Figures figures = run_load(settings, address);
    for (int fd : others) close(fd);
    std::printf("%s c%zu: %.0f requests/s, p50 %.0f us, p99 %.0f us, max %.0f us, %zu failed\n",
                settings.target.c_str(), settings.connections, rate_of(figures),
                figures.percentile(0.5), figures.percentile(0.99), figures.percentile(1),
                figures.failures);
    return figures.failures == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    return argc == 1 ? print_rows() : print_one(read_settings(argc, argv));
}
