#include "daemon/exit_with.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <fstream>
#include <memory>
#include <string_view>

#include "core/async_fd.h"
#include "core/blocking.h"
#include "core/log.h"
#include "core/pidfd.h"
#include "core/sleep.h"
#include "daemon/descendants.h"

namespace pilotfish::daemon {
namespace {

// A peer that starts later is found this late at most. Chosen.
constexpr std::chrono::seconds kLookEvery{1};
// As many are waited for at a time; who is left is found by the next look. Chosen, for the sake of
// the descriptors.
constexpr std::size_t kMostHeld = 256;
constexpr std::size_t kKernelNameBytes = 15;  // TASK_COMM_LEN less the zero

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

std::string kernel_name(pid_t pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/comm");
    std::string name;
    std::getline(file, name);
    return name;
}

std::string executable_name(pid_t pid) {
    char path[4096];
    const std::string link = "/proc/" + std::to_string(pid) + "/exe";
    const ssize_t length = readlink(link.c_str(), path, sizeof path);
    if (length <= 0) return {};
    std::string_view text(path, static_cast<std::size_t>(length));
    constexpr std::string_view kDeleted = " (deleted)";
    if (text.ends_with(kDeleted)) text.remove_suffix(kDeleted.size());
    return std::string(text.substr(text.rfind('/') + 1));
}

bool is_called(pid_t pid, const std::string& name) {
    return kernel_name(pid) == name.substr(0, kKernelNameBytes) || executable_name(pid) == name;
}

// One that is gone, or was replaced by another of its number meanwhile, is held by nobody.
std::vector<core::AsyncFd> hold(const std::vector<pid_t>& pids, const std::string& name) {
    std::vector<core::AsyncFd> held;
    for (const pid_t pid : pids) {
        if (held.size() == kMostHeld) break;
        const int pidfd = core::open_pidfd(pid);
        if (pidfd < 0) continue;
        if (!is_called(pid, name)) {
            close(pidfd);
            continue;
        }
        auto adopted = core::AsyncFd::adopt(pidfd);
        if (adopted) held.push_back(std::move(*adopted));
    }
    return held;
}

}  // namespace

ProcessLook look_for_process(const std::string& name) {
    ProcessLook look;
    const pid_t ourselves = getpid();
    std::vector<pid_t> ours;
    for (const Descendant& process : descendants_of(ourselves)) ours.push_back(process.pid);
    std::sort(ours.begin(), ours.end());
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc"), closedir);
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
        const std::string_view word = entry->d_name;
        pid_t pid = 0;
        const auto parsed = std::from_chars(word.data(), word.data() + word.size(), pid);
        if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size()) continue;
        if (pid == ourselves || std::binary_search(ours.begin(), ours.end(), pid)) continue;
        look.sees_others = true;
        if (!is_called(pid, name)) continue;
        const auto process = read_process(pid);
        if (process && process->state != 'Z') look.found.push_back(pid);
    }
    return look;
}

void ExitWith::say_missing(const ProcessLook& look) const {
    if (look.sees_others) {
        say(core::LogLevel::info, "no process is called " + name_ +
                                      " yet (PILOTFISH_EXIT_WITH): looking for it every second");
    } else {
        say(core::LogLevel::warn,
            "PILOTFISH_EXIT_WITH=" + name_ +
                ": no process of another container can be seen from here; set "
                "shareProcessNamespace: true in the pod");
    }
}

core::Task<void> ExitWith::run() {
    bool seen = false;
    bool said_missing = false;
    for (;;) {
        const ProcessLook look =
            co_await core::blocking([this] { return look_for_process(name_); });
        std::vector<core::AsyncFd> held = hold(look.found, name_);
        if (held.empty() && !look.found.empty()) {
            co_await core::sleep_for(kLookEvery);  // gone within the look, or no descriptors left
            continue;
        }
        if (held.empty() && seen) break;
        if (held.empty()) {
            if (!said_missing) say_missing(look);
            said_missing = true;
            co_await core::sleep_for(kLookEvery);
            continue;
        }
        if (!seen) {
            say(core::LogLevel::info, name_ + " is there, process " +
                                          std::to_string(look.found.front()) +
                                          ": we end when it does (PILOTFISH_EXIT_WITH)");
        }
        seen = true;
        for (core::AsyncFd& process : held) {
            const core::Wake wake = co_await process.readable();
            if (wake == core::Wake::closed) co_return;
        }
    }
    end_("the end of " + name_ + " (PILOTFISH_EXIT_WITH)");
}

}  // namespace pilotfish::daemon
