#include "core/socket_address.h"

#include <gtest/gtest.h>
#include <net/if.h>

#include <cstring>

namespace pilotfish::core {
namespace {

std::string round_trip(std::string_view text) {
    const Result<InetAddress> address = InetAddress::parse(text);
    return address ? address->text() : address.error().message;
}

TEST(InetAddressOf, TextComesBackAsItIsWritten) {
    EXPECT_EQ(round_trip("127.0.0.1:80"), "127.0.0.1:80");
    EXPECT_EQ(round_trip("255.255.255.255:65535"), "255.255.255.255:65535");
    EXPECT_EQ(round_trip("[::1]:80"), "[::1]:80");
    EXPECT_EQ(round_trip("[2001:DB8:0:0::1]:443"), "[2001:db8::1]:443");
    EXPECT_EQ(round_trip("[::ffff:10.0.0.1]:1"), "[::ffff:10.0.0.1]:1");
    EXPECT_EQ(round_trip("localhost:0"), "127.0.0.1:0");
    EXPECT_EQ(round_trip(":8080"), "[::]:8080");
}

TEST(InetAddressOf, ScopeIsTheNameOrNumberOfAnInterface) {
    const unsigned loopback = if_nametoindex("lo");
    ASSERT_NE(loopback, 0u);
    const Result<InetAddress> named = InetAddress::parse("[fe80::1%lo]:80");
    ASSERT_TRUE(named.ok()) << named.error().message;
    EXPECT_EQ(named->scope(), loopback);
    const Result<InetAddress> numbered = InetAddress::parse(named->text());
    ASSERT_TRUE(numbered.ok()) << numbered.error().message;
    EXPECT_EQ(*numbered, *named);
    EXPECT_FALSE(*named == *InetAddress::parse("[fe80::1]:80"));
    EXPECT_NE(round_trip("[fe80::1%nosuch0]:80").find("no interface"), std::string::npos);
}

TEST(InetAddressOf, WhatIsWrongIsSaid) {
    const std::pair<std::string_view, std::string_view> wrong[] = {
        {"", "the port is missing"},
        {"127.0.0.1", "the port is missing"},
        {"127.0.0.1:", "the port is not a number"},
        {"127.0.0.1:65536", "the port is not a number"},
        {"127.0.0.1:-1", "the port is not a number"},
        {"127.0.0.1:+1", "the port is not a number"},
        {"127.0.0.1: 1", "the port is not a number"},
        {"127.0.0.01.1:1", "names are not looked up"},
        {"example.org:80", "names are not looked up"},
        {"::1:80", "an IPv6 address stands in brackets"},
        {"[::1:80", "the closing bracket is missing"},
        {"[]:80", "not an IPv6 address"},
        {"[:80", "the closing bracket is missing"},
        {"[127.0.0.1]:80", "not an IPv6 address"},
        {"[::1%]:80", "no interface"},
        {"[::1%0]:80", "no interface"},
        {std::string_view("127.0.0.1\0:80", 13), "names are not looked up"},
        {std::string_view("[::1\0]:80", 9), "not an IPv6 address"},
    };
    for (const auto& [text, why] : wrong) {
        const Result<InetAddress> address = InetAddress::parse(text);
        ASSERT_FALSE(address.ok()) << text;
        EXPECT_TRUE(address.error().message.starts_with("cannot use \""))
            << address.error().message;
        EXPECT_NE(address.error().message.find(why), std::string::npos) << address.error().message;
    }
}

TEST(InetAddressOf, HostileTextStaysShortAndPrintable) {
    const std::string message = InetAddress::parse(std::string(10000, '\x1b')).error().message;
    EXPECT_LT(message.size(), 1000u);
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
}

TEST(InetAddressOf, PropertiesAreThoseOfTheAddress) {
    EXPECT_TRUE(InetAddress::loopback(1).is_loopback());
    EXPECT_TRUE(InetAddress::loopback_v6(1).is_loopback());
    EXPECT_TRUE(InetAddress::any(1).is_any());
    EXPECT_TRUE(InetAddress::any_v6(1).is_any());
    EXPECT_FALSE(InetAddress::any(1).is_loopback());
    EXPECT_EQ(InetAddress::loopback(80), *InetAddress::parse("127.0.0.1:80"));
    EXPECT_EQ(InetAddress::loopback(80).with_port(81), InetAddress::loopback(81));
    EXPECT_FALSE(InetAddress::any(0) == InetAddress::any_v6(0));
    EXPECT_EQ(InetAddress(), InetAddress::any(0));
}

TEST(InetAddressOf, FilledTakesOnlyInternetAddresses) {
    InetAddress address = InetAddress::loopback(7);
    EXPECT_TRUE(address.filled(sizeof(sockaddr_in)));
    EXPECT_EQ(address, InetAddress::loopback(7));
    EXPECT_FALSE(address.filled(0));
    EXPECT_EQ(address, InetAddress());
    address.data()->sa_family = AF_UNIX;
    EXPECT_FALSE(address.filled(sizeof(sockaddr_in)));
    EXPECT_EQ(address.family(), AF_INET);
}

TEST(UnixAddressOf, TextComesBackAsItIsWritten) {
    EXPECT_EQ(UnixAddress::parse("/run/x.sock")->text(), "/run/x.sock");
    EXPECT_EQ(UnixAddress::parse("x.sock")->text(), "x.sock");
    EXPECT_EQ(UnixAddress::parse("@name")->text(), "@name");
    EXPECT_EQ(UnixAddress().text(), "(unnamed)");
    EXPECT_FALSE(*UnixAddress::parse("@name") == *UnixAddress::parse("name"));
    EXPECT_EQ(*UnixAddress::parse("@name"), *UnixAddress::abstract("name"));
    EXPECT_EQ(UnixAddress::abstract(std::string_view("a\0b", 3))->text(), "@a\\x00b");
    EXPECT_TRUE(UnixAddress::parse("@name")->is_abstract());
    EXPECT_FALSE(UnixAddress::parse("/name")->is_abstract());
    EXPECT_TRUE(UnixAddress().is_unnamed());
}

TEST(UnixAddressOf, LimitsAreTheKernels) {
    EXPECT_TRUE(UnixAddress::parse(std::string(107, 'x')).ok());
    EXPECT_FALSE(UnixAddress::parse(std::string(108, 'x')).ok());
    EXPECT_TRUE(UnixAddress::parse("@" + std::string(107, 'x')).ok());
    EXPECT_FALSE(UnixAddress::parse("@" + std::string(108, 'x')).ok());
    EXPECT_FALSE(UnixAddress::parse("").ok());
    EXPECT_FALSE(UnixAddress::parse("@").ok());
    EXPECT_FALSE(UnixAddress::parse(std::string_view("/a\0b", 4)).ok());
    EXPECT_EQ(UnixAddress::parse(std::string(107, 'x'))->name(), std::string(107, 'x'));
}

TEST(UnixAddressOf, FilledTakesWhatTheKernelMeans) {
    UnixAddress address = *UnixAddress::parse("/run/x");
    const socklen_t size = address.size();
    EXPECT_TRUE(address.filled(size));
    EXPECT_EQ(address.text(), "/run/x");
    EXPECT_TRUE(address.filled(offsetof(sockaddr_un, sun_path)));
    EXPECT_TRUE(address.is_unnamed());
    // A path of 108 bytes without a NUL, as bind(2) allows it and getsockname(2) reports it.
    auto* raw = reinterpret_cast<sockaddr_un*>(address.data());
    std::memset(raw->sun_path, 'y', sizeof raw->sun_path);
    EXPECT_TRUE(address.filled(sizeof(sockaddr_un) + 1));
    EXPECT_EQ(address.name(), std::string(108, 'y'));
}

}  // namespace
}  // namespace pilotfish::core
