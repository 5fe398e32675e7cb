#include "daemon/escapees.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <ctime>
#include <memory>

#include "core/owned_fd.h"
#include "daemon/environment.h"
#include "daemon/small_file.h"

namespace pilotfish::daemon {
namespace {

// The clock that field 22 of /proc/PID/stat is of, rounded down as it is.
std::uint64_t ticks_now() {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const auto hertz = static_cast<std::uint64_t>(sysconf(_SC_CLK_TCK));
    return static_cast<std::uint64_t>(now.tv_sec) * hertz +
           static_cast<std::uint64_t>(now.tv_nsec) * hertz / 1'000'000'000U;
}

void add_children(const std::string& path, std::vector<pid_t>& children) {
    const auto text = read_small_file(path, std::size_t{1} << 20U);
    if (!text) return;
    const char* at = text->data();
    const char* const end = at + text->size();
    while (at != end) {
        pid_t pid = 0;
        const auto parsed = std::from_chars(at, end, pid);
        if (parsed.ec == std::errc{}) children.push_back(pid);
        at = parsed.ptr == end ? end : parsed.ptr + 1;
    }
}

// The kernel gives orphans to the main thread; our own children are the spawner's, until an upgrade
// makes all of them the main thread's.
std::string file_of_orphans() {
    return "/proc/self/task/" + std::to_string(getpid()) + "/children";
}

// Asked at the end of each worker.
bool has_any_orphan() {
    const core::OwnedFd fd(open(file_of_orphans().c_str(), O_RDONLY | O_CLOEXEC));
    char first = 0;
    return fd && read(fd.get(), &first, 1) == 1;
}

std::vector<pid_t> orphans(ProcessTable& processes) {
    // Empty is right whatever is collected meanwhile; of many, one may be passed over then
    // (proc(5)), so they are read again while nobody is.
    if (!has_any_orphan()) return {};
    const auto frozen = processes.freeze();
    std::vector<pid_t> children;
    add_children(file_of_orphans(), children);
    std::vector<pid_t> known = processes.registered();
    std::sort(known.begin(), known.end());
    std::erase_if(children, [&known](pid_t pid) {
        return std::binary_search(known.begin(), known.end(), pid);
    });
    return children;
}

void add_all_children(pid_t pid, std::vector<pid_t>& children) {
    const std::string folder = "/proc/" + std::to_string(pid) + "/task";
    const std::unique_ptr<DIR, int (*)(DIR*)> threads(opendir(folder.c_str()), closedir);
    if (!threads) return;
    while (const dirent* thread = readdir(threads.get())) {
        if (thread->d_name[0] == '.') continue;
        add_children(folder + "/" + thread->d_name + "/children", children);
    }
}

// The environment it began with.
core::Result<std::string> environ_of(pid_t pid) {
    constexpr std::size_t kMostBytes = std::size_t{8} << 20U;  // the kernel's own bound is 6 MiB
    return read_small_file("/proc/" + std::to_string(pid) + "/environ", kMostBytes);
}

// Takes it off the text.
std::string_view next_entry(std::string_view& text) {
    const std::string_view entry = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(entry.size() + 1, text.size()));
    return entry;
}

}  // namespace

bool holds_marks(std::string_view environ_text, const std::vector<std::string>& marks) {
    if (marks.empty()) return false;
    std::vector<bool> found(marks.size());
    while (!environ_text.empty()) {
        const std::string_view entry = next_entry(environ_text);
        for (std::size_t i = 0; i < marks.size(); ++i)
            if (entry == marks[i]) found[i] = true;
    }
    return std::find(found.begin(), found.end(), false) == found.end();
}

void Escapees::take_marks(const std::vector<std::string>& environment) {
    marks_.clear();
    told_.clear();
    // Without these two it is nobody's.
    const char* const worker = find_variable(environment, "PILOTFISH_WORKER");
    const char* const instance = find_variable(environment, "PILOTFISH_INSTANCE");
    if (worker == nullptr || instance == nullptr) return;
    marks_.push_back("PILOTFISH_WORKER=" + std::string(worker));
    marks_.push_back("PILOTFISH_INSTANCE=" + std::string(instance));
    if (const char* const socket = find_variable(environment, "PILOTFISH_CONTROL_SOCKET"))
        marks_.push_back("PILOTFISH_CONTROL_SOCKET=" + std::string(socket));
}

void Escapees::run_begins(const std::vector<std::string>& environment) {
    take_marks(environment);
    since_ticks_ = ticks_now();
}

void Escapees::run_goes_on(std::vector<std::string> environment, pid_t leader) {
    // The socket may be another one by now; which it was the leader knows.
    if (const auto text = environ_of(leader)) {
        constexpr std::string_view kSocket = "PILOTFISH_CONTROL_SOCKET=";
        for (std::string_view rest = *text; !rest.empty();) {
            const std::string_view entry = next_entry(rest);
            if (entry.starts_with(kSocket))
                put_variable(environment, "PILOTFISH_CONTROL_SOCKET",
                             std::string(entry.substr(kSocket.size())));
        }
    }
    take_marks(environment);
    const auto process = read_process(leader);
    since_ticks_ = process ? process->start_ticks : kNoRun;
}

std::vector<Descendant> Escapees::find(ProcessTable& processes) const {
    std::vector<Descendant> found;
    if (marks_.empty() || since_ticks_ == kNoRun) return found;
    std::vector<pid_t> below;
    for (const pid_t pid : orphans(processes)) {
        const auto process = read_process(pid);
        if (!process || process->state == 'Z' || process->start_ticks < since_ticks_) continue;
        const auto text = environ_of(pid);
        if (!text || !holds_marks(*text, marks_)) continue;
        found.push_back(*process);
        add_all_children(pid, below);
    }
    while (!below.empty()) {
        const pid_t pid = below.back();
        below.pop_back();
        const auto process = read_process(pid);
        if (!process || process->state == 'Z') continue;
        found.push_back(*process);
        add_all_children(pid, below);
    }
    return found;
}

bool Escapees::tell(ProcessTable& processes) {
    // All orphans are looked at again when these are gone.
    for (const Descendant& process : told_) {
        const auto now = read_process(process.pid);
        if (now && *now == process && now->state != 'Z') return true;
    }
    const std::vector<Descendant> found = find(processes);
    for (const Descendant& process : found) {
        if (std::find(told_.begin(), told_.end(), process) != told_.end()) continue;
        signal_descendant(process, SIGTERM);
        signal_descendant(process, SIGCONT);  // whoever is stopped would never see the first
        told_.push_back(process);
    }
    return !found.empty();
}

void Escapees::kill(ProcessTable& processes) {
    std::vector<Descendant> stopped;
    for (int pass = 0; pass < 64; ++pass) {
        bool anybody_new = false;
        for (const Descendant& process : find(processes)) {
            if (std::find(stopped.begin(), stopped.end(), process) != stopped.end()) continue;
            if (!signal_descendant(process, SIGSTOP)) continue;
            stopped.push_back(process);
            anybody_new = true;
        }
        if (!anybody_new) break;
    }
    for (const Descendant& process : stopped) signal_descendant(process, SIGKILL);
}

}  // namespace pilotfish::daemon
