#include "daemon/process_usage.h"

#include <dirent.h>
#include <unistd.h>

#include <cstdio>

#include "daemon/proc_stat.h"

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
    const auto stat = read_proc_stat(pid);
    if (!stat) return std::nullopt;
    ProcessUsage usage;
    usage.threads = stat->threads;
    usage.resident_bytes = stat->resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    usage.cpu_ns =
        stat->cpu_ticks * (1'000'000'000U / static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK)));
    usage.open_files = count_open_files(pid);
    return usage;
}

}  // namespace pilotfish::daemon
