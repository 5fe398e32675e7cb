// A PSI file is always readable and writable by poll's lights; a trigger adds POLLPRI, once, to
// whoever asks first. So it stands in an epoll of its own that looks for nothing else: readable
// means that the trigger fired, or that the group is gone, which is a lasting POLLERR.
#include "cgroup/pressure_trigger.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <string_view>

#include "cgroup/oom_counter.h"
#include "cgroup/usage.h"

namespace pilotfish::cgroup {
namespace {

// kStallShare of each window, in microseconds.
constexpr const char* kOneSecond = "some 100000 1000000";
constexpr const char* kTwoSeconds = "some 200000 2000000";

bool write_whole(int fd, std::string_view text) {
    return ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

}  // namespace

PressureTrigger PressureTrigger::open(const FileSource& source, const core::Limits& limits,
                                      std::optional<std::uint64_t> usage_bytes) {
    PressureTrigger trigger;
    const OomCounter group = OomCounter::of_container(source, limits);
    trigger.directory_ = group.directory();
    if (trigger.directory_.empty() || !source.is_this_process()) return trigger;
    if (group.counts_descendants()) {
        trigger.open_v2();
    } else {
        trigger.open_v1(usage_bytes);
    }
    return trigger;
}

// One trigger a descriptor, and one that was refused leaves the descriptor as it was.
bool PressureTrigger::arm_psi(const char* trigger) {
    // With the final NUL, as the kernel's own example does: older kernels cut the last byte off.
    if (!write_whole(file_.get(), std::string_view(trigger, std::string_view(trigger).size() + 1)))
        return false;
    UniqueFd watch(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event = {};
    event.events = EPOLLPRI;
    if (!watch || ::epoll_ctl(watch.get(), EPOLL_CTL_ADD, file_.get(), &event) != 0) return false;
    watch_ = std::move(watch);
    return true;
}

void PressureTrigger::open_v2() {
    const std::string path = directory_ + "/memory.pressure";
    file_ = UniqueFd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (file_) {
        if (arm_psi(kOneSecond)) kind_ = Kind::psi_one_second;
        if (!watch_ && arm_psi(kTwoSeconds)) kind_ = Kind::psi_two_seconds;
        if (watch_) return;
    }
    file_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    // A kernel with psi=0 opens the file and refuses to read it (EOPNOTSUPP).
    if (file_ && read_whole(file_.get(), kLimitFileCapBytes, scratch_).ok() &&
        parse_pressure(scratch_).some_avg10)
        kind_ = Kind::polled;
}

bool PressureTrigger::arm_event(const std::string& file, const std::string& argument) {
    UniqueFd watch(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    UniqueFd target(::open((directory_ + file).c_str(), O_RDONLY | O_CLOEXEC));
    UniqueFd control(::open((directory_ + "/cgroup.event_control").c_str(), O_WRONLY | O_CLOEXEC));
    if (!watch || !target || !control) return false;
    const std::string line =
        std::to_string(watch.get()) + " " + std::to_string(target.get()) + " " + argument;
    if (!write_whole(control.get(), line)) return false;
    file_ = std::move(target);
    watch_ = std::move(watch);
    return true;
}

void PressureTrigger::open_v1(std::optional<std::uint64_t> usage_bytes) {
    if (arm_event("/memory.pressure_level", "medium")) {
        kind_ = Kind::level;
    } else if (usage_bytes && arm_event("/memory.usage_in_bytes", std::to_string(*usage_bytes))) {
        kind_ = Kind::usage;
    }
}

PressureTrigger::News PressureTrigger::on_watch() {
    if (kind_ == Kind::level || kind_ == Kind::usage) {
        std::uint64_t times = 0;
        [[maybe_unused]] const ssize_t got = ::read(watch_.get(), &times, sizeof times);
        // The kernel fires once more when it removes the group.
        return ::access(directory_.c_str(), F_OK) == 0 ? News::pressure : News::group_gone;
    }
    pollfd entry{file_.get(), POLLPRI, 0};
    const bool failed = ::poll(&entry, 1, 0) > 0 && (entry.revents & POLLERR) != 0;
    return failed ? News::group_gone : News::pressure;
}

bool PressureTrigger::on_tick() {
    if (!read_whole(file_.get(), kLimitFileCapBytes, scratch_).ok()) return false;
    const bool before = is_under_pressure_;
    is_under_pressure_ = parse_pressure(scratch_).some_avg10.value_or(0) >= kStallShare * 100;
    return is_under_pressure_ && !before;
}

std::string PressureTrigger::words() const {
    switch (kind_) {
        case Kind::psi_one_second: return "memory.pressure of " + directory_ + ": 10% of 1 s";
        case Kind::psi_two_seconds: return "memory.pressure of " + directory_ + ": 10% of 2 s";
        case Kind::level: return "memory.pressure_level of " + directory_ + ": medium";
        case Kind::usage: return "a threshold on memory.usage_in_bytes of " + directory_;
        case Kind::polled:
            return "memory.pressure of " + directory_ + ": avg10 of 10%, looked at on each tick";
        case Kind::none: return "nothing here tells of memory pressure";
    }
    return "?";
}

}  // namespace pilotfish::cgroup
