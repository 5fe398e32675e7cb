#include "daemon/exit_with.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <memory>
#include <string_view>

#include "core/async_fd.h"
#include "core/blocking.h"
#include "core/log.h"
#include "core/owned_fd.h"
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

bool no_descriptors_left(int error) { return error == EMFILE || error == ENFILE; }

// Fails as open(2) does; empty: it is gone.
std::string kernel_name(pid_t pid, int& error) {
    const core::OwnedFd file(
        open(("/proc/" + std::to_string(pid) + "/comm").c_str(), O_RDONLY | O_CLOEXEC));
    error = file ? 0 : errno;
    char text[kKernelNameBytes + 1];
    const ssize_t length = file ? read(file.get(), text, sizeof text) : 0;
    std::string name(text, length > 0 ? static_cast<std::size_t>(length) : 0);
    if (name.ends_with('\n')) name.pop_back();
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

bool is_called(pid_t pid, const std::string& name, int& error) {
    return kernel_name(pid, error) == name.substr(0, kKernelNameBytes) ||
           executable_name(pid) == name;
}

// One that is gone, or was replaced by another of its number meanwhile, is held by nobody.
std::vector<core::AsyncFd> hold(const std::vector<pid_t>& pids, const std::string& name,
                                const std::function<int(pid_t)>& open_pidfd) {
    std::vector<core::AsyncFd> held;
    for (const pid_t pid : pids) {
        if (held.size() == kMostHeld) break;
        const int pidfd = open_pidfd(pid);
        if (pidfd < 0) continue;
        int error = 0;
        if (!is_called(pid, name, error)) {
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
    look.complete = folder || !no_descriptors_left(errno);
    while (const dirent* entry = folder ? readdir(folder.get()) : nullptr) {
        const std::string_view word = entry->d_name;
        pid_t pid = 0;
        const auto parsed = std::from_chars(word.data(), word.data() + word.size(), pid);
        if (parsed.ec != std::errc{} || parsed.ptr != word.data() + word.size()) continue;
        if (pid == ourselves || std::binary_search(ours.begin(), ours.end(), pid)) continue;
        look.sees_others = true;
        int error = 0;
        if (!is_called(pid, name, error)) {
            if (no_descriptors_left(error)) look.complete = false;
            continue;
        }
        errno = 0;
        const auto process = read_process(pid);
        if (!process && no_descriptors_left(errno)) look.complete = false;
        if (process && process->state != 'Z') look.found.push_back(pid);
    }
    return look;
}

ExitWith::Eyes ExitWith::Eyes::of_system() {
    return {look_for_process, core::open_pidfd, kLookEvery};
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
        const ProcessLook look = co_await core::blocking([this] { return eyes_.look(name_); });
        const bool is_there = !look.found.empty();
        if (!is_there && look.complete && seen) break;
        if (!is_there) {
            if (!said_missing && !seen) say_missing(look);
            said_missing = true;
            co_await core::sleep_for(eyes_.pause);
            continue;
        }
        if (!seen) {
            say(core::LogLevel::info, name_ + " is there, process " +
                                          std::to_string(look.found.front()) +
                                          ": we end when it does (PILOTFISH_EXIT_WITH)");
        }
        // Also of those who are gone before we hold them, or whom we may not hold.
        seen = true;
        std::vector<core::AsyncFd> held = hold(look.found, name_, eyes_.open_pidfd);
        if (held.empty()) co_await core::sleep_for(eyes_.pause);
        for (core::AsyncFd& process : held) {
            const core::Wake wake = co_await process.readable();
            if (wake == core::Wake::closed) co_return;
        }
    }
    end_("the end of " + name_ + " (PILOTFISH_EXIT_WITH)");
}

}  // namespace pilotfish::daemon
