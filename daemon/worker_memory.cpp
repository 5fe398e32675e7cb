#include "daemon/worker_memory.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <memory>
#include <string_view>
#include <unordered_map>

#include "daemon/proc_stat.h"

namespace pilotfish::daemon {
namespace {

struct Process {
    pid_t parent;
    pid_t group;
    std::uint64_t resident_pages;
    char state;
};

std::unordered_map<pid_t, Process> all_processes() {
    std::unordered_map<pid_t, Process> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
    if (!folder) return all;
    while (const dirent* entry = readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
        if (const auto stat = read_proc_stat(pid))
            all[pid] = {stat->parent, stat->group, stat->resident_pages, stat->state};
    }
    return all;
}

// The file's text, cut at the buffer's end; empty when it cannot be read.
template <std::size_t Size>
std::string_view read_text(pid_t pid, const char* name, char (&buffer)[Size]) {
    char path[48];
    std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    const ssize_t length = read(fd, buffer, Size);
    close(fd);
    return length > 0 ? std::string_view(buffer, static_cast<std::size_t>(length))
                      : std::string_view();
}

std::optional<std::uint64_t> number_at(std::string_view text) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc{}) return std::nullopt;
    return number;
}

// The third field of statm: resident pages of files and shared memory.
std::uint64_t shared_pages(pid_t pid) {
    char buffer[128];
    std::string_view text = read_text(pid, "statm", buffer);
    for (int field = 1; field < 3; ++field) {
        const std::size_t blank = text.find(' ');
        if (blank == std::string_view::npos) return 0;
        text.remove_prefix(blank + 1);
    }
    return number_at(text).value_or(0);
}

class Owners {
  public:
    Owners(const std::unordered_map<pid_t, Process>& all, std::span<const pid_t> workers)
        : all_(all) {
        for (std::size_t at = 0; at < workers.size(); ++at)
            if (workers[at] > 0) roots_[workers[at]] = at;
    }

    // The worker's place; nullopt: nobody's. Its nearest ancestor decides, then its group.
    std::optional<std::size_t> owner_of(pid_t pid, const Process& process) const {
        pid_t at = pid;
        // Bounded: what is read one by one may form a circle.
        for (std::size_t step = 0; step <= all_.size(); ++step) {
            if (const auto root = roots_.find(at); root != roots_.end()) return root->second;
            const auto next = all_.find(at);
            if (next == all_.end() || next->second.parent <= 0) break;
            at = next->second.parent;
        }
        if (const auto root = roots_.find(process.group); root != roots_.end()) return root->second;
        return std::nullopt;
    }

  private:
    const std::unordered_map<pid_t, Process>& all_;
    std::unordered_map<pid_t, std::size_t> roots_;
};

}  // namespace

std::vector<TreeMemory> memory_of_trees(std::span<const pid_t> workers) {
    std::vector<TreeMemory> trees(workers.size());
    if (std::none_of(workers.begin(), workers.end(), [](pid_t pid) { return pid > 0; }))
        return trees;
    const auto all = all_processes();
    const Owners owners(all, workers);
    std::vector<std::uint64_t> largest_shared(workers.size());
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    for (const auto& [pid, process] : all) {
        if (process.state == 'Z') continue;
        const auto owner = owners.owner_of(pid, process);
        if (!owner) continue;
        TreeMemory& tree = trees[*owner];
        const std::uint64_t shared = std::min(shared_pages(pid), process.resident_pages);
        tree.resident_bytes += (process.resident_pages - shared) * page;
        tree.processes.push_back(pid);
        largest_shared[*owner] = std::max(largest_shared[*owner], shared * page);
    }
    for (std::size_t at = 0; at < trees.size(); ++at)
        trees[at].resident_bytes += largest_shared[at];
    return trees;
}

std::optional<std::uint64_t> proportional_bytes(std::span<const pid_t> processes) {
    std::optional<std::uint64_t> sum;
    char buffer[1024];
    for (const pid_t pid : processes) {
        const std::string_view text = read_text(pid, "smaps_rollup", buffer);
        constexpr std::string_view kKey = "\nPss:";
        const std::size_t at = text.find(kKey);
        if (at == std::string_view::npos) continue;
        if (const auto kib = number_at(text.substr(at + kKey.size())))
            sum = sum.value_or(0) + *kib * 1024;
    }
    return sum;
}

}  // namespace pilotfish::daemon
