#include "cgroup/group_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "cgroup/file_source.h"
#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

void add_groups_below(const std::string& directory, std::vector<std::string>& found) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(directory.c_str()), closedir);
    if (!folder) return;
    while (const dirent* entry = readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
        add_groups_below(directory + "/" + std::string(name), found);
    }
    found.push_back(directory);
}

// cgroup.procs of a busy group: ten digits a process, far beyond what pids can count to.
constexpr std::size_t kProcessesCapBytes = 64u << 20;

// Larger reads than the kernel's page come in pieces that end where they like.
std::string read_to_end(int fd) {
    std::string text;
    char piece[4096];
    while (text.size() < kProcessesCapBytes) {
        const ssize_t got = read(fd, piece, sizeof piece);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        text.append(piece, static_cast<std::size_t>(got));
    }
    return text;
}

}  // namespace

core::Result<void> write_group_file(const std::string& path, std::string_view text) {
    const std::string what = "write " + std::string(text) + " to " + path;
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) return core::system_error(what, errno);
    // One write is one value: the kernel does not put pieces together.
    ssize_t written = -1;
    do {
        written = write(fd.get(), text.data(), text.size());
    } while (written < 0 && errno == EINTR);
    if (written < 0) return core::system_error(what, errno);
    return {};
}

std::optional<std::string> read_group_file(const std::string& path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string text;
    if (!fd || !read_whole(fd.get(), kStatFileCapBytes, text).ok()) return std::nullopt;
    return std::string(trim(text));
}

std::vector<std::string> words_of(std::string_view list) {
    std::vector<std::string> words;
    while (!list.empty()) {
        const std::size_t space = list.find(' ');
        if (space != 0) words.emplace_back(list.substr(0, space));
        if (space == std::string_view::npos) break;
        list.remove_prefix(space + 1);
    }
    return words;
}

std::vector<std::string> groups_below(const std::string& directory) {
    std::vector<std::string> found;
    add_groups_below(directory, found);
    return found;
}

std::vector<pid_t> processes_in(const std::vector<std::string>& directories) {
    std::vector<pid_t> processes;
    for (const std::string& directory : directories) {
        const UniqueFd fd(open((directory + "/cgroup.procs").c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) continue;
        const std::string text = read_to_end(fd.get());
        std::string_view rest = text;
        while (!rest.empty()) {
            const std::size_t end = rest.find('\n');
            if (const auto pid = parse_number<pid_t>(rest.substr(0, end)))
                processes.push_back(*pid);
            if (end == std::string_view::npos) break;
            rest.remove_prefix(end + 1);
        }
    }
    return processes;
}

int remove_groups(const std::string& directory) {
    int reason = 0;
    for (const std::string& group : groups_below(directory)) {
        if (rmdir(group.c_str()) != 0 && errno != ENOENT) reason = errno;
    }
    return reason;
}

}  // namespace pilotfish::cgroup
