#include "daemon/evidence.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "daemon/descendants.h"
#include "daemon/notify_message.h"

namespace pilotfish::daemon {
namespace {

constexpr std::size_t kMostThreads = 16;   // of one process
constexpr std::size_t kMostFrames = 8;     // of a kernel stack
constexpr std::size_t kMostProcesses = 8;  // below it

std::string read_small(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return {};
    char buffer[4096];
    const ssize_t length = read(fd, buffer, sizeof buffer);
    close(fd);
    return length > 0 ? std::string(buffer, static_cast<std::size_t>(length)) : std::string();
}

std::string_view doing(char state) {
    switch (state) {
        case 'R': return "runs";
        case 'S': return "sleeps";
        case 'D': return "waits for the kernel, not to be interrupted,";
        case 'T': return "is stopped";
        case 't': return "is stopped by a tracer";
        case 'Z': return "has ended and was not reaped";
        case 'I': return "is idle";
        default: return "is in an unknown state";
    }
}

// "71 (worker-2) sleeps in futex_wait_queue"; empty when it is gone.
std::string describe(const std::string& directory, const std::string& number) {
    const std::string stat = read_small(directory + "/stat");
    const std::size_t begin = stat.find('(');
    const std::size_t end = stat.rfind(')');
    if (begin == stat.npos || end == stat.npos || end + 2 >= stat.size()) return {};
    std::string line = number + " (" + printable(stat.substr(begin + 1, end - begin - 1), 64) +
                       ") " + std::string(doing(stat[end + 2]));
    const std::string channel = read_small(directory + "/wchan");
    if (!channel.empty() && channel != "0") line += " in " + printable(channel, 64);
    return line;
}

void add_kernel_stack(const std::string& directory, std::vector<std::string>& lines) {
    const std::string stack = read_small(directory + "/stack");
    std::string_view rest = stack;
    for (std::size_t frame = 0; frame < kMostFrames && !rest.empty(); ++frame) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        lines.push_back("    " + printable(rest.substr(0, end), 120));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
}

std::vector<pid_t> threads_of(pid_t process) {
    std::vector<pid_t> threads;
    DIR* const directory = opendir(("/proc/" + std::to_string(process) + "/task").c_str());
    if (directory == nullptr) return threads;
    while (const dirent* entry = readdir(directory)) {
        const pid_t thread = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
        if (thread > 0) threads.push_back(thread);
    }
    closedir(directory);
    std::sort(threads.begin(), threads.end());
    return threads;
}

}  // namespace

std::vector<std::string> evidence_of(pid_t process) {
    std::vector<std::string> lines;
    const std::string root = "/proc/" + std::to_string(process);
    const std::vector<pid_t> threads = threads_of(process);
    const std::string head = describe(root, std::to_string(process));
    if (head.empty()) return {"process " + std::to_string(process) + " is gone"};
    lines.push_back("process " + head + ", threads: " + std::to_string(threads.size()));
    add_kernel_stack(root, lines);
    std::size_t shown = 0;
    for (const pid_t thread : threads) {
        if (thread == process) continue;
        if (++shown > kMostThreads) break;
        const std::string directory = root + "/task/" + std::to_string(thread);
        const std::string line = describe(directory, std::to_string(thread));
        if (line.empty()) continue;
        lines.push_back("thread " + line);
        add_kernel_stack(directory, lines);
    }
    shown = 0;
    for (const Descendant& below : descendants_of(process)) {
        if (++shown > kMostProcesses) break;
        const std::string number = std::to_string(below.pid);
        const std::string line = describe("/proc/" + number, number);
        if (!line.empty()) lines.push_back("below it, process " + line);
    }
    if (lines.size() > kMostEvidenceLines) {
        const std::size_t more = lines.size() - kMostEvidenceLines + 1;
        lines.resize(kMostEvidenceLines - 1);
        lines.push_back("... and " + std::to_string(more) + " lines more");
    }
    return lines;
}

}  // namespace pilotfish::daemon
