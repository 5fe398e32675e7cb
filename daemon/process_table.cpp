#include "daemon/process_table.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace pilotfish::daemon {
namespace {

// The system call itself: libc's waitid hides the resource usage it can give.
int wait_for(idtype_t type, id_t id, siginfo_t& info, int options, rusage* usage) {
    info.si_pid = 0;
    return static_cast<int>(syscall(SYS_waitid, type, id, &info, options, usage));
}

std::uint64_t nanoseconds_of(const timeval& time) {
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_usec) * 1'000U;
}

}  // namespace

core::Task<SpawnResult> ProcessTable::start(const SpawnRequest& request, ProcessListener& listener,
                                            int leftover_signal) {
    SpawnResult result;
    std::function<void()> make = [&] { result = spawn(request, listener, leftover_signal); };
    co_await spawner_.run_on(std::move(make));
    co_return result;
}

SpawnResult ProcessTable::spawn(const SpawnRequest& request, ProcessListener& listener,
                                int leftover_signal) {
    const std::lock_guard lock(mutex_);
    SpawnResult result = daemon::spawn(request);
    if (result.process) entries_.emplace(result.process->pid, Entry{&listener, leftover_signal});
    return result;
}

void ProcessTable::adopt(pid_t pid, ProcessListener& listener, int leftover_signal) {
    const std::lock_guard lock(mutex_);
    entries_.emplace(pid, Entry{&listener, leftover_signal});
}

void ProcessTable::adopt_count(std::uint64_t orphans) {
    const std::lock_guard lock(mutex_);
    orphans_ = orphans;
}

std::vector<pid_t> ProcessTable::registered() const {
    std::vector<pid_t> all;
    for (const auto& [pid, entry] : entries_) all.push_back(pid);
    return all;
}

ReapCounts ProcessTable::reap() {
    const std::lock_guard lock(mutex_);
    ReapCounts counts;
    siginfo_t info{};
    // Look first and take after: while it is still a zombie its pid, and so the name of its process
    // group, cannot be given to anyone else.
    while (wait_for(P_ALL, 0, info, WEXITED | WSTOPPED | WNOHANG | WNOWAIT, nullptr) == 0 &&
           info.si_pid != 0) {
        const pid_t pid = info.si_pid;
        const auto entry = entries_.find(pid);
        if (info.si_code == CLD_STOPPED || info.si_code == CLD_TRAPPED) {
            siginfo_t taken{};
            wait_for(P_PID, static_cast<id_t>(pid), taken, WSTOPPED | WNOHANG, nullptr);
            const int why = taken.si_status;
            const bool by_terminal = why == SIGTSTP || why == SIGTTIN || why == SIGTTOU;
            if (by_terminal && entry != entries_.end())
                entry->second.listener->process_stopped(pid);
            continue;
        }
        if (entry != entries_.end() && entry->second.leftover_signal != 0) {
            kill(-pid, entry->second.leftover_signal);
            kill(-pid, SIGCONT);
        }
        rusage usage{};
        wait_for(P_PID, static_cast<id_t>(pid), info, WEXITED | WNOHANG, &usage);
        if (entry == entries_.end()) {
            ++counts.orphans;
            ++orphans_;
            continue;
        }
        ++counts.workers;
        ProcessListener* const listener = entry->second.listener;
        entries_.erase(entry);
        listener->process_ended({pid, exit_status_of(info),
                                 nanoseconds_of(usage.ru_utime) + nanoseconds_of(usage.ru_stime)});
    }
    return counts;
}

bool ProcessTable::has_children() noexcept {
    siginfo_t info{};
    return wait_for(P_ALL, 0, info, WEXITED | WNOHANG | WNOWAIT, nullptr) == 0 || errno != ECHILD;
}

std::uint64_t ProcessTable::orphans_reaped() const noexcept {
    const std::lock_guard lock(mutex_);
    return orphans_;
}

}  // namespace pilotfish::daemon
