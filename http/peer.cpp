#include "http/peer.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "http/peer_namespaces.h"

namespace pilotfish::http {
namespace {

bool is_loopback(const sockaddr_storage& address) {
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    }
    if (address.ss_family != AF_INET6) return false;
    const in6_addr& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

enum class Same { yes, no, not_told };

Same same_namespace(pid_t pid, const char* name) {
    char own[64] = {};
    char theirs[64] = {};
    const std::string own_path = std::string("/proc/self/ns/") + name;
    const std::string their_path = "/proc/" + std::to_string(pid) + "/ns/" + name;
    if (readlink(own_path.c_str(), own, sizeof own - 1) <= 0) return Same::not_told;
    if (readlink(their_path.c_str(), theirs, sizeof theirs - 1) <= 0) {
        return errno == EACCES || errno == EPERM ? Same::not_told : Same::no;
    }
    return std::strcmp(own, theirs) == 0 ? Same::yes : Same::no;
}

// The text of a file of a process in /proc; empty: it cannot be read, or has more than is sane.
std::string text_of(const std::string& process, const char* name) {
    constexpr std::size_t kMostBytes = 64 << 10;  // 340 lines of uid_map are 12 KB
    const int fd = open(("/proc/" + process + "/" + name).c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    std::string text;
    char part[4096];
    ssize_t size = 0;
    while (text.size() <= kMostBytes &&
           ((size = read(fd, part, sizeof part)) > 0 || (size < 0 && errno == EINTR)))
        if (size > 0) text.append(part, static_cast<std::size_t>(size));
    close(fd);
    return size == 0 ? text : std::string();
}

// What everybody may read of it. Our own status is looked at too: a /proc of an outer PID namespace
// counts other numbers than SO_PEERCRED does.
bool seems_in_our_pid_namespace(const std::string& pid) {
    return pid_namespace_depth(text_of("self", "status")) == 1 &&
           pid_namespace_depth(text_of(pid, "status")) == 1;
}
bool seems_in_our_user_namespace(const std::string& pid) {
    return same_user_map(text_of(pid, "uid_map"), text_of("self", "uid_map"));
}

// The kernel translates the peer's uid into our user namespace; a foreign namespace's users can
// appear there as the overflow uid, which may be ours. So the namespaces must be the same too.
// The links of a root process we may not read unless we are root; what is in its other files will
// do there, as uid 0 was translated from a real 0. Our own uid's we may read, or something is odd.
bool is_trusted(const ucred& peer) {
    if (peer.pid <= 0) return false;  // not visible in our PID namespace
    if (peer.uid != 0 && peer.uid != geteuid()) return false;
    const Same pid = same_namespace(peer.pid, "pid");
    const Same user = same_namespace(peer.pid, "user");
    if (pid == Same::no || user == Same::no) return false;
    if (pid == Same::yes && user == Same::yes) return true;
    if (peer.uid != 0) return false;
    const std::string process = std::to_string(peer.pid);
    return (pid == Same::yes || seems_in_our_pid_namespace(process)) &&
           (user == Same::yes || seems_in_our_user_namespace(process));
}

}  // namespace

Peer tcp_peer(const sockaddr_storage& address) {
    Peer peer;
    peer.address = address;
    peer.loopback = is_loopback(address);
    return peer;
}

Peer unix_peer(int fd) {
    Peer peer;
    peer.unix_socket = true;
    peer.address.ss_family = AF_UNIX;
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return peer;
    peer.pid = credentials.pid;
    peer.uid = credentials.uid;
    peer.trusted = is_trusted(credentials);
    return peer;
}

std::string describe(const Peer& peer) {
    if (peer.unix_socket) {
        return "uid " + std::to_string(peer.uid) +
               (peer.pid > 0 ? ", process " + std::to_string(peer.pid) : ", of another container") +
               ", over a unix socket";
    }
    char text[INET6_ADDRSTRLEN] = "?";
    in_port_t port = 0;
    if (peer.address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer.address);
        inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
        port = v4.sin_port;
    } else if (peer.address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer.address);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
        port = v6.sin6_port;
    }
    const bool v6 = peer.address.ss_family == AF_INET6;
    return (v6 ? "[" + std::string(text) + "]" : std::string(text)) + ":" +
           std::to_string(ntohs(port));
}

}  // namespace pilotfish::http
