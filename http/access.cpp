#include "http/access.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/log.h"
#include "core/result.h"

namespace pilotfish::http {
namespace {

// Longest token that is read from a file: far above any random string, far below a mistaken path.
constexpr std::size_t kTokenBytesMax = 4096;

core::Result<std::string> read_token(const std::string& path, struct stat& info) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return core::system_error("read the token file " + path, errno);
    std::string text(kTokenBytesMax + 1, '\0');
    const ssize_t got = fstat(fd, &info) == 0 ? read(fd, text.data(), text.size()) : -1;
    const int failed = errno;
    close(fd);
    if (got < 0) return core::system_error("read the token file " + path, failed);
    if (static_cast<std::size_t>(got) > kTokenBytesMax) {
        return core::Error{"cannot read the token file " + path + ": it has more than 4096 bytes"};
    }
    text.resize(static_cast<std::size_t>(got));
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) {
        text.pop_back();
    }
    if (text.empty()) return core::Error{"cannot use the token file " + path + ": it is empty"};
    return text;
}

bool same_file(const struct stat& a, const struct stat& b) {
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
           a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec &&
           a.st_ctim.tv_sec == b.st_ctim.tv_sec && a.st_ctim.tv_nsec == b.st_ctim.tv_nsec;
}

bool is_numeric_address(std::string_view host) {
    unsigned char bytes[16];
    const std::string text(host);
    return inet_pton(AF_INET, text.c_str(), bytes) == 1 ||
           inet_pton(AF_INET6, text.c_str(), bytes) == 1;
}

// Names that no foreign name server decides on (RFC 6761 section 6.3).
bool is_local_name(std::string_view host) {
    constexpr std::string_view kSuffix = ".localhost";
    return equal_ignoring_case(host, "localhost") ||
           (host.size() > kSuffix.size() &&
            equal_ignoring_case(host.substr(host.size() - kSuffix.size()), kSuffix));
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
    unsigned difference = a.size() == b.size() ? 0U : 1U;
    for (std::size_t i = 0; i < a.size(); ++i) {
        const char other = b.empty() ? '\0' : b[i % b.size()];
        difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^
                                            static_cast<unsigned char>(other));
    }
    // volatile: the compiler must not turn the loop into one that leaves early.
    const volatile unsigned verdict = difference;
    return verdict == 0;
}

Token::Token(TokenSetting setting) : setting_(std::move(setting)), current_(setting_.value) {}

bool Token::matches(std::string_view shown) {
    if (!configured() || shown.empty()) return false;
    const std::lock_guard lock(mutex_);
    if (!setting_.file.empty()) reread_if_changed();
    return !current_.empty() && equal_in_constant_time(shown, current_);
}

void Token::reread_if_changed() {
    struct stat now{};
    const bool there = stat(setting_.file.c_str(), &now) == 0;
    if (ever_looked_ && same_file(now, seen_)) return;
    ever_looked_ = true;
    seen_ = now;
    if (there) {
        core::Result<std::string> text = read_token(setting_.file, seen_);
        current_ = text ? *text : std::string();
        if (!text) core::log(core::LogLevel::warn, "http", text.error().message);
    } else {
        current_.clear();
        core::log(core::LogLevel::warn, "http",
                  core::system_error("read the token file " + setting_.file, errno).message);
    }
}

Access::Access(TokenSetting admin, TokenSetting read)
    : admin_(std::move(admin)), read_(std::move(read)) {}

Access::Grant Access::judge(const Peer& peer, const Head& head) {
    Grant grant;
    grant.level = peer.trusted                        ? Level::admin
                  : peer.unix_socket || peer.loopback ? Level::read
                                                      : Level::metrics;
    const std::string_view authorization = head.field("authorization");
    if (authorization.empty()) return grant;
    constexpr std::string_view kScheme = "Bearer ";
    grant.token_shown = true;
    if (authorization.size() <= kScheme.size() ||
        !equal_ignoring_case(authorization.substr(0, kScheme.size()), kScheme)) {
        return grant;
    }
    const std::string_view shown = authorization.substr(kScheme.size());
    // Both are compared always, so that the time does not tell which one was near.
    const bool is_admin = admin_.matches(shown);
    const bool is_read = read_.matches(shown);
    grant.token_good = is_admin || is_read;
    if (is_admin) grant.level = Level::admin;
    if (is_read) grant.level = std::max(grant.level, Level::read);
    return grant;
}

bool Access::token_could_give(Level level) const {
    return admin_.configured() || (level <= Level::read && read_.configured());
}

std::string_view cross_site_reason(const Peer& peer, const Head& head) {
    const std::string_view origin = head.field("origin");
    if (!origin.empty()) {
        const std::size_t scheme = origin.find("://");
        if (scheme == std::string_view::npos ||
            !equal_ignoring_case(origin.substr(scheme + 3), head.host)) {
            return "the Origin is another site's: pages of other sites may not ask here";
        }
    }
    if (peer.loopback && !head.host.empty()) {
        const auto host = host_without_port(head.host);
        if (!host || (!is_numeric_address(*host) && !is_local_name(*host))) {
            return "over loopback, Host must be a numeric address or localhost (or show a token)";
        }
    }
    return {};
}

}  // namespace pilotfish::http
