// Fuzzes what a client's bytes meet first: the head scanner must find one end however the bytes
// arrive, the parser must not read beyond them, and what it accepts must be unambiguous. What is
// accepted goes through httplib too, whose answer must be one whole HTTP/1.1 message.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/check.h"
#include "http/engine.h"
#include "http/head.h"
#include "tests/http/canned_sources.h"

namespace {

using namespace pilotfish;
using http::HeadScanner;

struct World {
    std::shared_ptr<tests::CannedSources> sources = std::make_shared<tests::CannedSources>();
    http::PlaneStats stats;
    http::Access access{{"top", ""}, {}};
    http::Router router{{*sources, stats}, access};
    http::Engine engine{router};
};

HeadScanner::State scan_in_steps(HeadScanner& scanner, std::string_view in, std::size_t step) {
    HeadScanner::State state = HeadScanner::State::more;
    for (std::size_t size = 0; state == HeadScanner::State::more && size < in.size();) {
        size = std::min(in.size(), size + step);
        state = scanner.scan(in.substr(0, size), {});
    }
    return state;
}

void check_accepted(const http::Head& head) {
    PF_CHECK(head.target.front() == '/', "a target that is no path was accepted");
    std::size_t lengths = 0;
    std::size_t hosts = 0;
    for (const http::Field& field : head.fields) {
        PF_CHECK(!http::equal_ignoring_case(field.name, "transfer-encoding"),
                 "a transfer coding was accepted");
        if (http::equal_ignoring_case(field.name, "content-length")) ++lengths;
        if (http::equal_ignoring_case(field.name, "host")) ++hosts;
        PF_CHECK(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos,
                 "a value holds a control character");
    }
    PF_CHECK(lengths <= 1, "two lengths were accepted");
    PF_CHECK(hosts == 1 || (hosts == 0 && head.minor_version == 0),
             "a request without Host, or with two, was accepted");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const World world;
    if (size == 0) return 0;
    const std::string_view in(reinterpret_cast<const char*>(data) + 1, size - 1);
    HeadScanner whole;
    HeadScanner pieces;
    const auto state = in.empty() ? HeadScanner::State::more : whole.scan(in, {});
    const auto again = scan_in_steps(pieces, in, data[0] % 16U + 1U);
    PF_CHECK((state == HeadScanner::State::complete) == (again == HeadScanner::State::complete),
             "the verdict depends on how the bytes arrive");
    if (state != HeadScanner::State::complete) return 0;
    PF_CHECK(whole.end() == pieces.end() && whole.begin() == pieces.begin(),
             "the end depends on how the bytes arrive");
    // A copy of exactly this size, so that the address sanitizer sees a read beyond it.
    const std::string bytes(in.substr(whole.begin(), whole.end() - whole.begin()));
    http::Head head;
    if (http::parse_head(bytes, {}, head)) return 0;
    check_accepted(head);
    http::Peer peer;
    peer.loopback = true;
    const http::Answer answer =
        world.engine.answer(head, "", peer, http::ListenerKind::admin, !head.keep_alive);
    PF_CHECK(answer.bytes.rfind("HTTP/1.1 ", 0) == 0, "the answer is no answer");
    PF_CHECK(answer.bytes.find("\r\n\r\n") != std::string::npos, "the answer's head has no end");
    PF_CHECK(answer.status >= 200 && answer.status < 600, "the answer has no status");
    return 0;
}
