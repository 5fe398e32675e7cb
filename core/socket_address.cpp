#include "core/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>

namespace pilotfish::core {
namespace {

// Room for text the kernel never makes: a hostile address must not become a long log line.
constexpr std::size_t kMostShown = 120;

std::string shown(std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    for (const char c : text.substr(0, kMostShown)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x20 && byte < 0x7f) {
            out += c;
        } else {
            out += "\\x";
            out += kHex[byte >> 4];
            out += kHex[byte & 15];
        }
    }
    if (text.size() > kMostShown) out += "...";
    return out;
}

Error not_inet(std::string_view text, std::string_view why) {
    return {"cannot use \"" + shown(text) + "\" as an address: " + std::string(why) +
            "; accepted are 127.0.0.1:80, [::1]:80, [fe80::1%eth0]:80, localhost:80 and :80"};
}

template <class Number>
bool parse_number(std::string_view text, Number& value) {
    const char* last = text.data() + text.size();
    const auto [end, failed] = std::from_chars(text.data(), last, value);
    return failed == std::errc() && end == last;
}

// inet_pton(3) wants a NUL behind the text.
template <class Binary>
bool parse_host(int family, std::string_view host, Binary& binary) {
    char copy[INET6_ADDRSTRLEN];
    if (host.size() >= sizeof copy || host.find('\0') != host.npos) return false;
    *std::copy(host.begin(), host.end(), copy) = '\0';
    return inet_pton(family, copy, &binary) == 1;
}

// 0: this machine has no such interface.
std::uint32_t parse_scope(std::string_view text) {
    std::uint32_t index = 0;
    if (parse_number(text, index)) return index;
    char name[IF_NAMESIZE];
    if (text.empty() || text.size() >= sizeof name || text.find('\0') != text.npos) return 0;
    *std::copy(text.begin(), text.end(), name) = '\0';
    return if_nametoindex(name);
}

}  // namespace

InetAddress::InetAddress() noexcept {
    std::memset(&address_, 0, sizeof address_);
    address_.family = AF_INET;
}

InetAddress InetAddress::any(std::uint16_t port) noexcept { return InetAddress().with_port(port); }

InetAddress InetAddress::any_v6(std::uint16_t port) noexcept {
    InetAddress out;
    out.address_.family = AF_INET6;
    return out.with_port(port);
}

InetAddress InetAddress::loopback(std::uint16_t port) noexcept {
    InetAddress out = any(port);
    out.address_.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return out;
}

InetAddress InetAddress::loopback_v6(std::uint16_t port) noexcept {
    InetAddress out = any_v6(port);
    out.address_.v6.sin6_addr.s6_addr[15] = 1;
    return out;
}

bool InetAddress::filled(socklen_t size) noexcept {
    const bool v4 = size >= sizeof(sockaddr_in) && address_.family == AF_INET;
    const bool v6 = size >= sizeof(sockaddr_in6) && address_.family == AF_INET6;
    if (!v4 && !v6) *this = InetAddress();
    return v4 || v6;
}

Result<InetAddress> InetAddress::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos) return not_inet(text, "the port is missing");
    std::uint16_t port = 0;
    if (!parse_number(text.substr(colon + 1), port))
        return not_inet(text, "the port is not a number from 0 to 65535");
    std::string_view host = text.substr(0, colon);
    if (host.empty()) return any_v6(port);
    if (host == "localhost") return loopback(port);
    if (host.front() != '[') {
        InetAddress out = any(port);
        if (parse_host(AF_INET, host, out.address_.v4.sin_addr)) return out;
        return not_inet(text, host.find(':') == host.npos ? "names are not looked up"
                                                          : "an IPv6 address stands in brackets");
    }
    if (host.back() != ']') return not_inet(text, "the closing bracket is missing");
    host = host.substr(1, host.size() - 2);
    InetAddress out = any_v6(port);
    if (const std::size_t percent = host.find('%'); percent != host.npos) {
        out.address_.v6.sin6_scope_id = parse_scope(host.substr(percent + 1));
        if (out.address_.v6.sin6_scope_id == 0)
            return not_inet(text, "this machine has no interface as named behind the %");
        host = host.substr(0, percent);
    }
    if (!parse_host(AF_INET6, host, out.address_.v6.sin6_addr))
        return not_inet(text, "what stands in brackets is not an IPv6 address");
    return out;
}

std::uint16_t InetAddress::port() const noexcept {
    return ntohs(is_v6() ? address_.v6.sin6_port : address_.v4.sin_port);
}

InetAddress InetAddress::with_port(std::uint16_t port) const noexcept {
    InetAddress out = *this;
    (is_v6() ? out.address_.v6.sin6_port : out.address_.v4.sin_port) = htons(port);
    return out;
}

std::uint32_t InetAddress::scope() const noexcept {
    return is_v6() ? address_.v6.sin6_scope_id : 0;
}

bool InetAddress::is_loopback() const noexcept {
    if (is_v6()) return IN6_IS_ADDR_LOOPBACK(&address_.v6.sin6_addr);
    return ntohl(address_.v4.sin_addr.s_addr) >> 24 == 127;
}

bool InetAddress::is_any() const noexcept {
    if (is_v6()) return IN6_IS_ADDR_UNSPECIFIED(&address_.v6.sin6_addr);
    return address_.v4.sin_addr.s_addr == 0;
}

std::string InetAddress::text() const {
    char host[INET6_ADDRSTRLEN] = "";
    const void* binary = &address_.v4.sin_addr;
    if (is_v6()) binary = &address_.v6.sin6_addr;
    inet_ntop(address_.family, binary, host, sizeof host);
    if (!is_v6()) return std::string(host) + ":" + std::to_string(port());
    std::string out = "[";
    out += host;
    if (scope() != 0) out.append("%").append(std::to_string(scope()));
    return out.append("]:").append(std::to_string(port()));
}

// Not by memory: the kernel leaves padding and the flow label as it likes.
bool InetAddress::operator==(const InetAddress& other) const noexcept {
    if (family() != other.family() || port() != other.port()) return false;
    if (!is_v6()) return address_.v4.sin_addr.s_addr == other.address_.v4.sin_addr.s_addr;
    return scope() == other.scope() &&
           IN6_ARE_ADDR_EQUAL(&address_.v6.sin6_addr, &other.address_.v6.sin6_addr);
}

namespace {
constexpr socklen_t kHeader = offsetof(sockaddr_un, sun_path);
constexpr std::size_t kMostName = sizeof(sockaddr_un::sun_path) - 1;  // 107: one for the NUL
}  // namespace

UnixAddress::UnixAddress() noexcept : address_{}, size_(kHeader) { address_.sun_family = AF_UNIX; }

Result<UnixAddress> UnixAddress::parse(std::string_view text) {
    return text.starts_with('@') ? abstract(text.substr(1)) : at_path(text);
}

Result<UnixAddress> UnixAddress::at_path(std::string_view path) {
    const char* why = nullptr;
    if (path.empty()) why = "it is empty";
    if (path.size() > kMostName) why = "it has more than 107 bytes";
    if (path.find('\0') != path.npos) why = "it holds a NUL";
    if (why) return Error{"cannot use \"" + shown(path) + "\" as a unix socket's path: " + why};
    UnixAddress out;
    std::copy(path.begin(), path.end(), out.address_.sun_path);
    out.size_ = static_cast<socklen_t>(kHeader + path.size() + 1);
    return out;
}

Result<UnixAddress> UnixAddress::abstract(std::string_view name) {
    // An empty one would ask bind(2) to choose a name.
    if (name.empty() || name.size() > kMostName)
        return Error{"cannot use \"@" + shown(name) +
                     "\" as an abstract socket's name: it has 1 to 107 bytes"};
    UnixAddress out;
    std::copy(name.begin(), name.end(), out.address_.sun_path + 1);
    out.size_ = static_cast<socklen_t>(kHeader + 1 + name.size());
    return out;
}

bool UnixAddress::filled(socklen_t size) noexcept {
    const bool named = size > kHeader && address_.sun_family == AF_UNIX;
    const bool unnamed = size <= kHeader && (size == 0 || address_.sun_family == AF_UNIX);
    // The kernel may count one byte more than there is: a NUL behind a path of 108.
    size_ = named ? std::min<socklen_t>(size, sizeof address_) : kHeader;
    address_.sun_family = AF_UNIX;
    return named || unnamed;
}

bool UnixAddress::is_unnamed() const noexcept { return size_ <= kHeader; }

bool UnixAddress::is_abstract() const noexcept {
    return !is_unnamed() && address_.sun_path[0] == '\0';
}

std::string_view UnixAddress::name() const noexcept {
    if (is_unnamed()) return {};
    const std::size_t bytes = size_ - kHeader;
    if (is_abstract()) return {address_.sun_path + 1, bytes - 1};
    return {address_.sun_path, strnlen(address_.sun_path, bytes)};
}

std::string UnixAddress::text() const {
    if (is_unnamed()) return "(unnamed)";
    return (is_abstract() ? "@" : "") + shown(name());
}

bool UnixAddress::operator==(const UnixAddress& other) const noexcept {
    return is_unnamed() == other.is_unnamed() && is_abstract() == other.is_abstract() &&
           name() == other.name();
}

}  // namespace pilotfish::core
