#include "http/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <utility>

namespace pilotfish::http {
namespace {

using core::Error;
using core::Result;

// Connections the kernel holds for us while the thread is starting or a burst arrives.
constexpr int kBacklog = 256;

Error malformed(std::string_view text, std::string_view why) {
    return {"cannot listen on " + std::string(text) + ": " + std::string(why) +
            "; accepted are host:port (a numeric address or localhost), [v6]:port, unix:/path"};
}

Result<Address> parse_unix(std::string_view text, std::string_view path) {
    Address address;
    address.text = text;
    auto* unix_address = reinterpret_cast<sockaddr_un*>(&address.socket);
    unix_address->sun_family = AF_UNIX;
    const bool abstract = !path.empty() && path.front() == '@';
    if (!abstract && (path.empty() || path.front() != '/')) {
        return malformed(text, "the path of a unix socket starts with /");
    }
    if (path.size() >= sizeof unix_address->sun_path) {
        return malformed(text, "the path of a unix socket has at most 107 bytes");
    }
    if (path.find('\0') != std::string_view::npos) return malformed(text, "the path holds a NUL");
    std::memcpy(unix_address->sun_path, path.data(), path.size());
    address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    if (abstract) {
        unix_address->sun_path[0] = '\0';
    } else {
        address.unix_path = path;
        ++address.size;
    }
    return address;
}

bool parse_port(std::string_view text, in_port_t& port) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value > 65535) return false;
    port = htons(static_cast<std::uint16_t>(value));
    return true;
}

// Held from the look at a socket file to the bind in its place: two that find the same stale file
// must not take it over from one another. Who holds a lock on the directory for ever (anybody may
// who can open it) is not waited for.
class DirectoryLock {
  public:
    explicit DirectoryLock(const std::string& path) {
        if (path.empty()) return;
        const std::string directory = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
        fd_ = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        constexpr int kTries = 50;
        for (int i = 0; fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) != 0 && i < kTries; ++i) {
            const timespec pause{0, 1'000'000};
            nanosleep(&pause, nullptr);
        }
    }
    ~DirectoryLock() {
        if (fd_ >= 0) close(fd_);
    }
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

  private:
    int fd_ = -1;
};

int make_socket(const Address& address, mode_t mode, int& made_errno) {
    const int family = address.socket.ss_family;
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    made_errno = errno;
    if (fd < 0) return fd;
    const int on = 1;
    const int off = 0;
    if (family != AF_UNIX) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    // Linux gives the socket file the mode of the socket's own inode, less the umask: there is no
    // moment at which others than those meant could connect, and no chmod by a name under which
    // somebody may have put something else meanwhile.
    if (family == AF_UNIX) fchmod(fd, mode);
    return fd;
}

// The process has one umask for all threads: it is set only where it would take something away,
// which is for the control socket, before anything else is made.
class NoUmask {
  public:
    explicit NoUmask(bool is_wanted) : is_wanted_(is_wanted) {
        if (is_wanted_) before_ = umask(0);
    }
    ~NoUmask() {
        if (is_wanted_) umask(before_);
    }
    NoUmask(const NoUmask&) = delete;
    NoUmask& operator=(const NoUmask&) = delete;

  private:
    const bool is_wanted_;
    mode_t before_ = 0;
};

int bind_and_listen(int fd, const Address& address, mode_t mode) {
    const NoUmask as_asked_for(!address.unix_path.empty() && (mode & 077) != 0);
    if (bind(fd, reinterpret_cast<const sockaddr*>(&address.socket), address.size) != 0)
        return errno;
    return listen(fd, kBacklog) == 0 ? 0 : errno;
}

// True when a socket file lies there on which nobody answers; it is gone then.
bool remove_if_stale(const Address& address) {
    struct stat info{};
    if (lstat(address.unix_path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return false;
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return false;
    const int answered =
        connect(fd, reinterpret_cast<const sockaddr*>(&address.socket), address.size) == 0 ? 0
                                                                                           : errno;
    close(fd);
    return answered == ECONNREFUSED && unlink(address.unix_path.c_str()) == 0;
}

// [::] on a machine without IPv6 means every address it has.
Address any_ipv4(const Address& any_ipv6) {
    Address address;
    address.text = any_ipv6.text;
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.socket);
    v4->sin_family = AF_INET;
    v4->sin_port = reinterpret_cast<const sockaddr_in6*>(&any_ipv6.socket)->sin6_port;
    address.size = sizeof *v4;
    return address;
}

bool is_any_ipv6(const Address& address) {
    return address.socket.ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(
               &reinterpret_cast<const sockaddr_in6*>(&address.socket)->sin6_addr);
}

}  // namespace

Result<Address> parse_address(std::string_view text) {
    constexpr std::string_view kUnix = "unix:";
    if (text.substr(0, kUnix.size()) == kUnix) return parse_unix(text, text.substr(kUnix.size()));
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return malformed(text, "the port is missing");
    std::string host(text.substr(0, colon));
    in_port_t port = 0;
    if (!parse_port(text.substr(colon + 1), port)) {
        return malformed(text, "the port is not a number from 0 to 65535");
    }
    Address address;
    address.text = text;
    if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
        auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.socket);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = port;
        address.size = sizeof *v6;
        if (inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6->sin6_addr) != 1) {
            return malformed(text, "what stands in brackets is not an IPv6 address");
        }
        return address;
    }
    if (host == "localhost") host = "127.0.0.1";
    auto* v4 = reinterpret_cast<sockaddr_in*>(&address.socket);
    v4->sin_family = AF_INET;
    v4->sin_port = port;
    address.size = sizeof *v4;
    if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) != 1) {
        return malformed(text, host.find(':') == std::string::npos
                                   ? "names are not looked up"
                                   : "an IPv6 address stands in brackets");
    }
    return address;
}

Result<Listener> Listener::open(std::string_view text, mode_t mode) {
    Result<Address> parsed = parse_address(text);
    if (!parsed) return parsed.error();
    int failed = 0;
    int fd = make_socket(*parsed, mode, failed);
    if (fd < 0 && failed == EAFNOSUPPORT && is_any_ipv6(*parsed)) {
        *parsed = any_ipv4(*parsed);
        fd = make_socket(*parsed, mode, failed);
    }
    const std::string what = "listen on " + std::string(text);
    const DirectoryLock lock(parsed->unix_path);
    if (fd < 0) return core::system_error(what, failed);
    Listener listener(fd, std::move(*parsed));
    const Address& address = listener.address_;
    failed = bind_and_listen(fd, address, mode);
    if (failed == EADDRNOTAVAIL && is_any_ipv6(address)) {
        // IPv6 is compiled in and switched off.
        Address v4 = any_ipv4(address);
        int ignored = 0;
        if (const int other = make_socket(v4, mode, ignored); other >= 0) {
            listener = Listener(other, std::move(v4));
            failed = bind_and_listen(listener.fd_, listener.address_, mode);
        }
    }
    if (failed == EADDRINUSE && !address.unix_path.empty() && remove_if_stale(address)) {
        failed = bind_and_listen(fd, address, mode);
    }
    if (failed != 0) {
        // The words everybody searches for, as every other daemon writes them.
        if (failed == EADDRINUSE)
            return Error{"cannot " + what + ": address already in use", failed};
        return core::system_error(what, failed);
    }
    listener.know_file();
    return listener;
}

void Listener::know_file() {
    struct stat info{};
    if (address_.unix_path.empty() || lstat(address_.unix_path.c_str(), &info) != 0) return;
    device_ = info.st_dev;
    inode_ = info.st_ino;
}

Result<Listener> Listener::adopt(std::string_view text, int fd) {
    Result<Address> parsed = parse_address(text);
    int listens = 0;
    socklen_t size = sizeof listens;
    if (parsed && (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0))
        parsed = Error{"cannot take over " + std::string(text) + ": no listening socket", 0};
    if (!parsed) {
        close(fd);
        return parsed.error();
    }
    Listener listener(fd, std::move(*parsed));
    listener.know_file();
    return listener;
}

Listener::Listener(Listener&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      address_(std::move(other.address_)),
      device_(other.device_),
      inode_(std::exchange(other.inode_, 0)) {}

Listener& Listener::operator=(Listener&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(address_, other.address_);
    std::swap(device_, other.device_);
    std::swap(inode_, other.inode_);
    return *this;
}

Listener::~Listener() {
    if (fd_ < 0) return;
    remove_file();
    close(fd_);
}

void Listener::remove_file() const {
    struct stat info{};
    if (inode_ != 0 && lstat(address_.unix_path.c_str(), &info) == 0 && info.st_dev == device_ &&
        info.st_ino == inode_) {
        unlink(address_.unix_path.c_str());
    }
}

int Listener::port() const {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    if (is_unix() || getsockname(fd_, reinterpret_cast<sockaddr*>(&bound), &size) != 0) return 0;
    // sin_port and sin6_port lie at the same place.
    return ntohs(reinterpret_cast<const sockaddr_in*>(&bound)->sin_port);
}

std::string Listener::name() const {
    if (is_unix()) return address_.text;
    return address_.text.substr(0, address_.text.rfind(':') + 1) + std::to_string(port());
}

}  // namespace pilotfish::http
