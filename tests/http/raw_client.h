// A client that sends exactly the bytes it is told to, and a server to talk to.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/server.h"
#include "tests/http/canned_sources.h"

namespace pilotfish::tests {

struct Reply {
    int status = 0;
    std::string head;
    std::string body;

    // The value of a header field; empty when it is not there.
    std::string field(const std::string& name) const {
        const std::size_t at = head.find("\r\n" + name + ": ");
        if (at == std::string::npos) return {};
        const std::size_t from = at + name.size() + 4;
        return head.substr(from, head.find("\r\n", from) - from);
    }
};

// Every wait ends after this: a test that fails says so rather than hang.
constexpr int kPatienceMs = 20'000;

class RawClient {
  public:
    explicit RawClient(int port) {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(static_cast<std::uint16_t>(port));
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    }
    explicit RawClient(const std::string& unix_path) {
        fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_un to{};
        to.sun_family = AF_UNIX;
        std::memcpy(to.sun_path, unix_path.data(), unix_path.size());
        const std::size_t size = offsetof(sockaddr_un, sun_path) + unix_path.size();
        if (to.sun_path[0] == '@') to.sun_path[0] = '\0';
        connected_ =
            connect(fd_, reinterpret_cast<sockaddr*>(&to), static_cast<socklen_t>(size)) == 0;
    }
    RawClient(RawClient&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)),
          connected_(other.connected_),
          in_(std::move(other.in_)) {}
    ~RawClient() {
        if (fd_ >= 0) close(fd_);
    }

    bool connected() const { return connected_; }
    int fd() const { return fd_; }
    // False when the server has closed on us.
    bool send(std::string_view text) {
        while (!text.empty()) {
            const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent < 0) return false;
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void half_close() { shutdown(fd_, SHUT_WR); }

    // The next answer; status 0 when the connection ended or nothing came in time.
    Reply read(bool head_only = false) {
        Reply reply;
        std::size_t end = 0;
        while ((end = in_.find("\r\n\r\n")) == std::string::npos) {
            if (!receive()) return reply;
        }
        reply.head = in_.substr(0, end + 2);
        in_.erase(0, end + 4);
        reply.status = std::atoi(reply.head.c_str() + 9);
        if (head_only || reply.status == 100) return reply;
        if (reply.field("Transfer-Encoding") == "chunked") {
            reply.body = read_chunks();
        } else if (const std::string length = reply.field("Content-Length"); !length.empty()) {
            const auto size = static_cast<std::size_t>(std::atol(length.c_str()));
            while (in_.size() < size && receive()) {
            }
            reply.body = in_.substr(0, size);
            in_.erase(0, size);
        } else {
            while (receive()) {
            }
            reply.body = std::exchange(in_, {});
        }
        return reply;
    }
    // What follows a head that was read alone.
    std::string read_body_in_chunks() { return read_chunks(); }
    // Takes what comes until this text has; false: the connection ended, or nothing came.
    bool read_until(std::string_view text) {
        std::size_t at = 0;
        while ((at = in_.find(text)) == std::string::npos) {
            if (!receive()) return false;
        }
        in_.erase(0, at + text.size());
        return true;
    }
    // True when the server closes without sending anything more.
    bool at_end() { return in_.empty() && !receive(); }

  private:
    bool receive() {
        pollfd wait{fd_, POLLIN, 0};
        if (poll(&wait, 1, kPatienceMs) != 1) {
            ADD_FAILURE() << "nothing came for " << kPatienceMs << " ms";
            return false;
        }
        char buffer[65536];
        const ssize_t got = recv(fd_, buffer, sizeof buffer, 0);
        if (got > 0) in_.append(buffer, static_cast<std::size_t>(got));
        return got > 0;
    }
    std::string read_chunks() {
        std::string body;
        while (true) {
            std::size_t line = 0;
            while ((line = in_.find("\r\n")) == std::string::npos) {
                if (!receive()) return body + "<cut>";
            }
            const auto size = static_cast<std::size_t>(std::strtoul(in_.c_str(), nullptr, 16));
            while (in_.size() < line + 2 + size + 2) {
                if (!receive()) return body + "<cut>";
            }
            body += in_.substr(line + 2, size);
            in_.erase(0, line + 2 + size + 2);
            if (size == 0) return body;
        }
    }

    int fd_ = -1;
    bool connected_ = false;
    std::string in_;
};

inline std::string get(std::string_view target, std::string_view more = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: localhost\r\n" + std::string(more) +
           "\r\n";
}

// A started server on ports of the kernel's choice.
class ServerFixture : public ::testing::Test {
  protected:
    void start(http::ServerOptions options = {}) {
        server = std::make_unique<http::Server>(sources, std::move(options));
        for (auto kind :
             {http::ListenerKind::admin, http::ListenerKind::probe, http::ListenerKind::metrics}) {
            const auto bound = server->bind(kind, "127.0.0.1:0");
            ASSERT_TRUE(bound.ok()) << bound.error().message;
        }
        const auto listeners = server->listeners();
        admin_port = listeners[0].port;
        probe_port = listeners[1].port;
        metrics_port = listeners[2].port;
        const auto started = server->start();
        ASSERT_TRUE(started.ok()) << started.error().message;
    }
    // One request on a connection of its own.
    Reply ask(std::string_view request, int port = 0) {
        RawClient client(port == 0 ? admin_port : port);
        EXPECT_TRUE(client.send(request));
        return client.read();
    }

    std::shared_ptr<CannedSources> sources = std::make_shared<CannedSources>();
    std::unique_ptr<http::Server> server;
    int admin_port = 0;
    int probe_port = 0;
    int metrics_port = 0;
};

}  // namespace pilotfish::tests
