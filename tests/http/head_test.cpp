#include "http/head.h"

#include <gtest/gtest.h>

#include <string>

namespace pilotfish::tests {
namespace {

using http::Head;
using http::HeadCaps;
using http::HeadScanner;

TEST(HeadScanner, FindsTheSameEndHoweverTheBytesArrive) {
    const std::string text = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        HeadScanner scanner;
        HeadScanner::State state = HeadScanner::State::more;
        for (std::size_t size = step; state == HeadScanner::State::more; size += step) {
            state = scanner.scan(std::string_view(text).substr(0, size), HeadCaps{});
        }
        EXPECT_EQ(state, HeadScanner::State::complete);
        EXPECT_EQ(scanner.begin(), 2U);
        EXPECT_EQ(text.substr(scanner.end()), "rest");
    }
}

TEST(HeadScanner, HoldsItsCapsBeforeTheEndIsSeen) {
    HeadCaps caps;
    caps.bytes_max = 100;
    HeadScanner scanner;
    EXPECT_EQ(scanner.scan("GET /" + std::string(200, 'a'), caps), HeadScanner::State::refused);
    EXPECT_EQ(scanner.refusal().status, 431);
}

TEST(Head, KeepsFieldsAndFraming) {
    const std::string text =
        "PUT /a?b HTTP/1.1\r\nhOsT: x:1\r\nContent-Length:  12 \r\nConnection: keep-alive, "
        "CLOSE\r\n"
        "X: \xc3\xa4\t y\r\n\r\n";
    Head head;
    ASSERT_FALSE(http::parse_head(text, HeadCaps{}, head));
    EXPECT_EQ(head.method, "PUT");
    EXPECT_EQ(head.target, "/a?b");
    EXPECT_EQ(head.host, "x:1");
    EXPECT_EQ(head.content_length, 12U);
    EXPECT_FALSE(head.keep_alive);
    EXPECT_EQ(head.field("x"), "\xc3\xa4\t y");
}

TEST(Host, IsTakenApartOrRefused) {
    EXPECT_EQ(http::host_without_port("a:1"), "a");
    EXPECT_EQ(http::host_without_port("[::1]:99"), "::1");
    EXPECT_EQ(http::host_without_port("[::1]"), "::1");
    for (const char* bad : {"a:b", "[::1", "::1", "a]b", "[::1]x", "a b", "a:123456", "a,b"}) {
        EXPECT_FALSE(http::host_without_port(bad)) << bad;
    }
}

}  // namespace
}  // namespace pilotfish::tests
