#include "daemon/descendants.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <memory>
#include <optional>
#include <string_view>

#include "core/pidfd.h"
#include "daemon/proc_stat.h"

namespace pilotfish::daemon {
namespace {

struct Stat {
    Descendant process;
    pid_t parent;
};

std::optional<Stat> read_stat(pid_t pid) {
    const auto stat = read_proc_stat(pid);
    if (!stat) return std::nullopt;
    return Stat{{pid, stat->group, stat->start_ticks, stat->state}, stat->parent};
}

}  // namespace

std::optional<Descendant> read_process(pid_t pid) {
    const auto stat = read_stat(pid);
    if (!stat) return std::nullopt;
    return stat->process;
}

std::vector<Descendant> descendants_of(pid_t ancestor) {
    std::vector<Stat> all;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
    if (!folder) return {};
    while (const dirent* entry = readdir(folder.get())) {
        const std::string_view name = entry->d_name;
        pid_t pid = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ec != std::errc{} || parsed.ptr != name.data() + name.size()) continue;
        if (auto stat = read_stat(pid)) all.push_back(*stat);
    }
    std::sort(all.begin(), all.end(),
              [](const Stat& a, const Stat& b) { return a.parent < b.parent; });

    std::vector<Descendant> found;
    std::vector<pid_t> open_parents = {ancestor};
    while (!open_parents.empty()) {
        const pid_t parent = open_parents.back();
        open_parents.pop_back();
        auto child =
            std::lower_bound(all.begin(), all.end(), parent,
                             [](const Stat& stat, pid_t value) { return stat.parent < value; });
        for (; child != all.end() && child->parent == parent; ++child) {
            found.push_back(child->process);
            open_parents.push_back(child->process.pid);
        }
    }
    return found;
}

bool signal_descendant(const Descendant& target, int signal) {
    const int pidfd = core::open_pidfd(target.pid);
    if (pidfd < 0) return false;
    // The pidfd is bound now; if the pid had been reused before, the start time tells.
    const auto now = read_stat(target.pid);
    bool sent = false;
    if (now && now->process == target) {
        sent = core::send_signal(pidfd, signal) == 0;
    } else {
        errno = ESRCH;
    }
    const int send_errno = errno;
    close(pidfd);
    errno = send_errno;
    return sent;
}

int kill_descendants(pid_t group) {
    // By one call while its leader is our child, dead or alive: its name cannot be another group's
    // then. Nobody outruns that: the kernel lets no fork of who has a signal pending be finished
    // (kernel/fork.c, copy_process). A walk over /proc for each of many deaf workers takes seconds.
    siginfo_t leader{};
    if (group > 0 &&
        waitid(P_PID, static_cast<id_t>(group), &leader, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        kill(-group, SIGKILL) == 0)
        return 1;
    std::vector<Descendant> stopped;
    // A tree that forks faster than we walk is slowed by each pass; 64 passes end the wildest seen.
    for (int pass = 0; pass < 64; ++pass) {
        bool anybody_new = false;
        for (const Descendant& process : descendants_of(getpid())) {
            if (process.state == 'Z' || (group != 0 && process.group != group)) continue;
            if (std::find(stopped.begin(), stopped.end(), process) != stopped.end()) continue;
            if (!signal_descendant(process, SIGSTOP)) continue;
            stopped.push_back(process);
            anybody_new = true;
        }
        if (!anybody_new) break;
    }
    int killed = 0;
    for (const Descendant& process : stopped) killed += signal_descendant(process, SIGKILL) ? 1 : 0;
    return killed;
}

}  // namespace pilotfish::daemon
