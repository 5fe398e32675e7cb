#include "daemon/proc_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace pilotfish::daemon {
namespace {

// The name in field 2 may hold anything, closing parentheses too; the last one ends it.
std::optional<ProcStat> parse(std::string_view text) {
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(name_end + 1);
    ProcStat stat;
    for (int field = 3; field <= 24; ++field) {
        if (text.empty()) return std::nullopt;
        text.remove_prefix(1);
        const std::string_view word = text.substr(0, text.find(' '));
        if (word.empty()) return std::nullopt;
        std::uint64_t number = 0;
        std::from_chars(word.data(), word.data() + word.size(), number);
        switch (field) {
            case 3: stat.state = word.front(); break;
            case 4: stat.parent = static_cast<pid_t>(number); break;
            case 5: stat.group = static_cast<pid_t>(number); break;
            case 14:
            case 15: stat.cpu_ticks += number; break;
            case 20: stat.threads = number; break;
            case 22: stat.start_ticks = number; break;
            case 24: stat.resident_pages = number; break;
            default: break;
        }
        text.remove_prefix(word.size());
    }
    return stat;
}

}  // namespace

std::optional<ProcStat> read_proc_stat(pid_t pid) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    char text[1024];
    const ssize_t length = read(fd, text, sizeof text);
    close(fd);
    if (length <= 0) return std::nullopt;
    return parse({text, static_cast<std::size_t>(length)});
}

std::optional<bool> minds_signal(pid_t pid, int signal) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/status", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    char buffer[4096];
    const ssize_t length = read(fd, buffer, sizeof buffer);
    close(fd);
    if (length <= 0) return std::nullopt;
    const std::string_view text(buffer, static_cast<std::size_t>(length));
    bool minds = false;
    for (const std::string_view key : {"\nSigBlk:\t", "\nSigCgt:\t"}) {
        const std::size_t at = text.find(key);
        if (at == std::string_view::npos) return std::nullopt;
        const char* const mask = text.data() + at + key.size();
        std::uint64_t signals = 0;
        const auto parsed = std::from_chars(mask, text.data() + text.size(), signals, 16);
        if (parsed.ec != std::errc{}) return std::nullopt;
        minds |= (signals >> (signal - 1) & 1) != 0;
    }
    return minds;
}

}  // namespace pilotfish::daemon
