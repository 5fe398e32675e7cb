#include "cgroup/limit_file.h"

#include <unistd.h>

#include <cerrno>

namespace pilotfish::cgroup {
namespace {

std::string_view line_of(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
            return line;
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return {};
}

}  // namespace

bool LimitFile::become(ReadOutcome outcome, std::string_view text) {
    const bool same = outcome.state == outcome_.state &&
                      outcome.system_errno == outcome_.system_errno && text == text_;
    if (same) return false;
    outcome_ = outcome;
    text_ = text;
    return true;
}

bool LimitFile::read_from(int fd) {
    if (!key_.empty()) {
        std::string whole;
        const ReadOutcome outcome = read_whole(fd, kStatFileCapBytes, whole);
        return become(outcome, line_of(whole, key_));
    }
    char buffer[kLimitFileCapBytes + 1];
    ssize_t got = 0;
    do {
        got = ::pread(fd, buffer, sizeof buffer, 0);
    } while (got < 0 && errno == EINTR);
    if (got < 0) return become({ReadState::failed, errno}, {});
    if (static_cast<std::size_t>(got) > kLimitFileCapBytes)
        return become({ReadState::failed, EFBIG}, {});
    return become({}, std::string_view(buffer, static_cast<std::size_t>(got)));
}

bool LimitFile::refresh(const FileSource& source, Keep keep) {
    if (fd_) return read_from(fd_.get());
    UniqueFd fd = source.open(path_);
    if (!fd) {
        const bool nothing_there = errno == ENOENT || errno == ENOTDIR;
        return become({nothing_there ? ReadState::absent : ReadState::failed, errno}, {});
    }
    const bool changed = read_from(fd.get());
    if (keep == Keep::open) fd_ = std::move(fd);
    return changed;
}

bool LimitFile::removed() const {
    return outcome_.state == ReadState::failed && outcome_.system_errno == ENODEV;
}

std::string printable(std::string_view text) {
    std::string shown(text);
    for (char& c : shown)
        if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
    return shown;
}

std::string in_quotes(std::string_view text) {
    constexpr std::size_t kShown = 48;
    std::string shown = "\"";
    // ASCII alone: a cut must not halve a character.
    for (const char c : text.substr(0, kShown)) shown += c < ' ' || c > '~' || c == '"' ? '?' : c;
    if (text.size() > kShown) shown += "…";
    return shown + '"';
}

}  // namespace pilotfish::cgroup
