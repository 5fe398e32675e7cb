// A server: gives back what it gets, as bytes or as HTTP.
//
//   PLUGIN_ARGS   ADDRESS [echo|http]        default: 127.0.0.1:8080 echo
//
// echo sends every byte back. http answers each request with its own head as plain text, and keeps
// the connection for the next one. Told to stop, it accepts no more, lets every answer that is
// being written go out, and closes: who waits for the next request is not waited for.
//
// It shows: sockets with deadlines, a task a connection in a group that ends together, results
// instead of exceptions for what the network does, and a drain.
#include <pilotfish/plugin.h>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <string_view>

namespace {

using namespace pilotfish;
using std::chrono::seconds;

constexpr std::size_t kLongestHead = 8192;  // bytes; as most servers have it
constexpr seconds kForOneRequest{10};       // from its first byte to its last
constexpr seconds kForOneAnswer{5};         // a client that does not read is not waited for longer
constexpr seconds kForTheNext{60};          // an idle connection is closed after this

core::Deadline in(seconds time) { return core::runtime_now() + time; }

// Nothing that has been begun is cut off by a stop: a shield stands before it, and a deadline.
core::Task<bool> send(core::TcpStream& stream, std::string_view bytes) {
    core::Shield shield;
    const auto sent = co_await stream.write_all(bytes, in(kForOneAnswer));
    co_return sent.ok();
}

core::Task<> echo(core::TcpStream stream) {
    std::array<char, 4096> buffer;
    for (;;) {
        const auto got = co_await stream.read_some(buffer, in(kForTheNext));
        if (!got || *got == 0) co_return;
        const bool sent = co_await send(stream, std::string_view(buffer.data(), *got));
        if (!sent) co_return;
    }
}

// Reads until the blank line; empty: there is no (whole) request. What follows it stays in `rest`.
core::Task<std::string> read_head(core::TcpStream& stream, std::string& rest) {
    std::array<char, 4096> buffer;
    core::Deadline deadline = rest.empty() ? in(kForTheNext) : in(kForOneRequest);
    for (;;) {
        const std::size_t end = rest.find("\r\n\r\n");
        if (end != std::string::npos) {
            std::string head = rest.substr(0, end + 4);
            rest.erase(0, end + 4);
            co_return head;
        }
        if (rest.size() > kLongestHead) co_return std::string();
        const bool is_first = rest.empty();
        const auto got = co_await stream.read_some(buffer, deadline);
        if (!got || *got == 0) co_return std::string();
        rest.append(buffer.data(), *got);
        if (is_first) deadline = in(kForOneRequest);
    }
}

core::Task<> answer(core::TcpStream stream) {
    std::string rest;
    for (bool last = false; !last;) {
        const std::string head = co_await read_head(stream, rest);
        if (head.empty()) co_return;
        // A body would have to be read before the next head; this server has no use for one.
        const bool good = head.starts_with("GET ") || head.starts_with("HEAD ");
        last = !good || core::cancel_requested() || head.find("onnection: close") != head.npos;
        std::string text = good ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.1 405 Method Not Allowed\r\n";
        text += "Content-Type: text/plain\r\nContent-Length: " + std::to_string(head.size()) +
                (last ? "\r\nConnection: close" : "") + "\r\n\r\n";
        if (!head.starts_with("HEAD ")) text += head;
        const bool sent = co_await send(stream, text);
        if (!sent) co_return;
    }
}

core::Task<> accept_all(core::PluginContext& context, core::TcpListener& listener,
                        core::TaskGroup& connections, bool http) {
    for (;;) {
        auto stream = co_await listener.accept();
        if (!stream) {
            // Out of descriptors, say: accept() itself waits a little before it tries again.
            context.log(core::LogLevel::warn, stream.error().message);
            continue;
        }
        auto serve = http ? answer(std::move(*stream)) : echo(std::move(*stream));
        connections.spawn(std::move(serve), {.name = "connection"});
    }
}

core::Task<int> run(core::PluginContext& context) {
    const auto args = context.args();
    const std::string where = args.empty() ? "127.0.0.1:8080" : args[0];
    const std::string mode = args.size() > 1 ? args[1] : "echo";
    if (mode != "echo" && mode != "http") throw std::runtime_error("no such mode: " + mode);
    const auto address = core::InetAddress::parse(where);
    if (!address) throw std::runtime_error(address.error().message);
    auto listener = core::TcpListener::bind(*address);
    if (!listener) throw std::runtime_error(listener.error().message);

    context.log(core::LogLevel::info, mode + " on " + listener->local_address().text());
    context.ready();
    try {
        co_await core::with_group([&](core::TaskGroup& connections) {
            return accept_all(context, *listener, connections, mode == "http");
        });
    } catch (const core::Cancelled&) {
        context.log(core::LogLevel::info, "every connection is closed");
    }
    co_return 0;
}

}  // namespace

PILOTFISH_PLUGIN("echo", run)
