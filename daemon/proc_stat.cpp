#include "daemon/proc_stat.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <span>
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

// A file of the process, as far as the buffer holds it; empty when it cannot be read.
std::string_view read_proc_file(pid_t pid, const char* name, std::span<char> buffer) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const ssize_t length = read(fd, buffer.data(), buffer.size());
    close(fd);
    return length <= 0 ? std::string_view()
                       : std::string_view(buffer.data(), static_cast<std::size_t>(length));
}

}  // namespace

std::optional<ProcStat> read_proc_stat(pid_t pid) {
    char buffer[1024];
    return parse(read_proc_file(pid, "stat", buffer));
}

std::optional<bool> minds_signal(pid_t pid, int signal) {
    char buffer[4096];
    const std::string_view text = read_proc_file(pid, "status", buffer);
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
