#include "config/listen_address.h"

#include <gtest/gtest.h>

namespace pilotfish::config {
namespace {

std::string why_not(const std::string& text) {
    ListenAddress address{.host = "kept"};
    std::string why;
    EXPECT_FALSE(parse_listen_address(text, address, why)) << text;
    EXPECT_EQ(address.host, "kept");
    return why;
}

TEST(ListenAddressText, IsHostAndPortOrABracketedV6OrAUnixPath) {
    const std::pair<const char*, ListenAddress> cases[] = {
        {"127.0.0.1:9911", {.host = "127.0.0.1", .port = 9911}},
        {"0.0.0.0:1", {.host = "0.0.0.0", .port = 1}},
        {"localhost:65535", {.host = "localhost", .port = 65535}},
        {"pod-1.svc:0", {.host = "pod-1.svc", .port = 0}},
        {"[::]:9912", {.host = "::", .port = 9912}},
        {"[fd00::1]:80", {.host = "fd00::1", .port = 80}},
        {"unix:/run/pilotfish.sock", {.unix_path = "/run/pilotfish.sock"}}};
    for (const auto& [text, expected] : cases) {
        ListenAddress address;
        std::string why;
        EXPECT_TRUE(parse_listen_address(text, address, why)) << text << ": " << why;
        EXPECT_EQ(address, expected) << text;
        EXPECT_EQ(format_listen_address(address), text);
    }
}

TEST(ListenAddressText, RefusesWithAReason) {
    EXPECT_EQ(why_not(""), "has no port");
    EXPECT_EQ(why_not("localhost"), "has no port");
    EXPECT_EQ(why_not(":80"), "has no host: [::]:80 listens on all addresses");
    EXPECT_EQ(why_not("::1:80"), "has an IPv6 address without its brackets");
    EXPECT_EQ(why_not("unix:run/x"), "has a socket path that does not begin with /");
    EXPECT_EQ(why_not("unix:"), "has a socket path that does not begin with /");
    EXPECT_EQ(why_not("unix:/" + std::string(107, 'x')),
              "has a socket path of more than 107 bytes");
    for (const char* text :
         {"localhost:", "localhost:65536", "localhost:-1", "localhost:http", "[::1]"}) {
        EXPECT_EQ(why_not(text), "has no port from 0 to 65535 after the last colon") << text;
    }
    for (const char* text : {"10.0.0:80", "1.2.3.4.5:80", "a b:80", "[]:80", "[1.2.3.4]:80",
                             "http://x:80", "-x:80", ".x:80", "a_b:80", "[::1:80"}) {
        EXPECT_EQ(why_not(text), "has a host that is neither an address nor a name") << text;
    }
}

TEST(ListenAddressText, TakesTheLongestUnixPathTheKernelTakes) {
    ListenAddress address;
    std::string why;
    EXPECT_TRUE(parse_listen_address("unix:/" + std::string(106, 'x'), address, why));
    EXPECT_EQ(address.unix_path.size(), 107u);
}

}  // namespace
}  // namespace pilotfish::config
