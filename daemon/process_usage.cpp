#include "daemon/process_usage.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string_view>

namespace pilotfish::daemon {
namespace {

std::optional<std::uint64_t> count_open_files(pid_t pid) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/fd", pid);
    DIR* folder = opendir(path);
    if (folder == nullptr) return std::nullopt;
    std::uint64_t entries = 0;
    while (const dirent* entry = readdir(folder)) entries += entry->d_name[0] != '.';
    closedir(folder);
    // Looking at ourselves, the folder's own descriptor is among them.
    return pid == getpid() ? entries - 1 : entries;
}

}  // namespace

std::optional<ProcessUsage> usage_of(pid_t pid) {
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    char buffer[1024];
    const ssize_t length = read(fd, buffer, sizeof buffer);
    close(fd);
    if (length <= 0) return std::nullopt;

    // Behind the name, which may hold anything: state is field 3 of proc(5), utime 14, stime 15,
    // num_threads 20, rss 24.
    std::string_view text(buffer, static_cast<std::size_t>(length));
    const std::size_t name_end = text.rfind(')');
    if (name_end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(name_end + 1);
    ProcessUsage usage;
    std::uint64_t ticks = 0;
    for (int field = 3; field <= 24; ++field) {
        if (text.empty()) return std::nullopt;
        text.remove_prefix(1);
        const std::string_view word = text.substr(0, text.find(' '));
        std::uint64_t number = 0;
        std::from_chars(word.data(), word.data() + word.size(), number);
        if (field == 14 || field == 15) ticks += number;
        if (field == 20) usage.threads = number;
        if (field == 24)
            usage.resident_bytes = number * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
        text.remove_prefix(word.size());
    }
    usage.cpu_ns = ticks * (1'000'000'000U / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)));
    usage.open_files = count_open_files(pid);
    return usage;
}

}  // namespace pilotfish::daemon
