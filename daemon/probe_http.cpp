#include "daemon/probe_http.h"

#include <string>
#include <vector>

#include "core/sleep.h"
#include "core/tcp.h"

namespace pilotfish::daemon {
namespace {

std::vector<core::InetAddress> addresses_of(const std::string& text) {
    std::vector<core::InetAddress> addresses;
    const auto parsed = core::InetAddress::parse(text);
    if (!parsed) return addresses;  // config/ has taken it; an interface may be gone since
    addresses.push_back(*parsed);
    if (text.starts_with("localhost:"))
        addresses.push_back(core::InetAddress::loopback_v6(parsed->port()));
    return addresses;
}

ProbeResult failed(std::string detail) { return {false, std::move(detail), {}}; }
ProbeResult taken() { return {true, "took a connection", {}}; }

core::Task<core::Result<core::TcpStream>> connect_to(const std::string& text,
                                                     core::Deadline deadline) {
    core::Result<core::TcpStream> stream =
        core::Error{"cannot connect to " + text + ": it is no address here"};
    const std::vector<core::InetAddress> addresses = addresses_of(text);
    for (const core::InetAddress& address : addresses) {
        core::Result<core::TcpStream> next = co_await core::TcpStream::connect(address, deadline);
        const bool late = !next && next.error().timed_out();
        // The first failure is the one to tell: it is of the address that was written.
        if (next || &address == &addresses.front()) stream = std::move(next);
        if (stream || late) break;
    }
    co_return stream;
}

// As much as a probe may bring, head and body: a page that is longer is not read to its end.
constexpr std::size_t kMostAnswerBytes = 16 * 1024;

core::Task<ProbeResult> ask(core::TcpStream& stream, const config::ProbeTarget& target,
                            core::Deadline deadline) {
    const std::string request = "GET " + target.path + " HTTP/1.1\r\nHost: " + target.address +
                                "\r\nUser-Agent: pilotfish-probe\r\nAccept: */*\r\n"
                                "Connection: close\r\n\r\n";
    const core::Result<void> sent = co_await stream.write_all(request, deadline);
    if (!sent) co_return failed(sent.error().message);
    std::string received;
    HttpAnswer answer;
    HttpRead read = HttpRead::more;
    std::string trouble;
    char buffer[4096];
    while (received.size() < kMostAnswerBytes) {
        const core::Result<std::size_t> got = co_await stream.read_some(buffer, deadline);
        if (!got)
            trouble = got.error().timed_out() ? "did not answer in time" : got.error().message;
        if (!got || *got == 0) break;
        received.append(buffer, *got);
        read = read_http_answer(received, answer);
        if (read == HttpRead::no_http) break;
    }
    // What comes after the head decides nothing, nor does it how it ends.
    if (read != HttpRead::done) {
        if (read == HttpRead::no_http) trouble = "answered something that is not HTTP";
        if (trouble.empty()) trouble = "closed the connection without an answer";
        co_return failed(std::move(trouble));
    }
    ProbeResult result;
    result.ok = answer.status >= 200 && answer.status < 400;
    result.detail = "answered " + std::to_string(answer.status);
    result.output = answer.body.substr(0, kMostProbeOutputBytes);
    co_return result;
}

}  // namespace

HttpRead read_http_answer(std::string_view received, HttpAnswer& answer) {
    for (;;) {
        constexpr std::string_view kBegin = "HTTP/1.";
        const std::string_view begin = received.substr(0, kBegin.size());
        if (begin != kBegin.substr(0, begin.size())) return HttpRead::no_http;
        // "HTTP/1.1 200": what follows is words for people.
        constexpr std::size_t kStatusEnd = 12;
        if (received.size() < kStatusEnd) return HttpRead::more;
        int status = 0;
        if (received[8] != ' ') return HttpRead::no_http;
        for (std::size_t at = 9; at < kStatusEnd; ++at) {
            if (received[at] < '0' || received[at] > '9') return HttpRead::no_http;
            status = status * 10 + (received[at] - '0');
        }
        if (status < 100) return HttpRead::no_http;
        const std::size_t end = received.find("\r\n\r\n", kStatusEnd);
        if (end == received.npos) return HttpRead::more;
        received.remove_prefix(end + 4);
        if (status >= 200) {
            answer = {status, received};
            return HttpRead::done;
        }
    }
}

core::Task<ProbeResult> probe_by_network(const config::ProbeTarget& target,
                                         core::TimePoint deadline) {
    core::Result<core::TcpStream> stream = co_await connect_to(target.address, deadline);
    if (!stream) {
        co_return failed(stream.error().timed_out() ? "took no connection in time"
                                                    : stream.error().message);
    }
    if (target.kind == config::ProbeTarget::Kind::tcp) co_return taken();
    ProbeResult result = co_await ask(*stream, target, deadline);
    co_return result;
}

}  // namespace pilotfish::daemon
