#include "daemon/container_strain.h"

#include <fcntl.h>

#include <cmath>
#include <utility>

#include "cgroup/derive.h"
#include "core/async_fd.h"
#include "core/log.h"
#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

// As often as a PSI trigger fires, whose shortest window here is a second.
constexpr std::chrono::seconds kBetweenPressureEvents{1};

}  // namespace

ContainerStrain::ContainerStrain(ContainerLimits& limits, OomWatch& oom, EventLog& events,
                                 std::function<void(TimePoint)> on_pressure)
    : limits_(limits), oom_(oom), events_(events), on_pressure_(std::move(on_pressure)) {}

void ContainerStrain::limits_changed(const LimitsSnapshot& now) {
    oom_.limits_changed(Clock::now());
    const std::string own =
        cgroup::OomCounter::of_container(limits_.source(), now.limits).directory();
    if (!watching_ || own != watched_directory_) watch_pressure(now);
    const std::lock_guard lock(mutex_);
    if (std::exchange(cpu_source_, now.limits.cpu.source) != now.limits.cpu.source)
        throttling_.start_anew();
}

void ContainerStrain::limits_tick(TimePoint now) {
    oom_.look(now);
    if (trigger_lost_.exchange(false)) watch_pressure(limits_.snapshot());
    if (polled_ && polled_->on_tick()) note_pressure(now);
    mind_throttling(now);
}

// The trigger of the group that we were in, if any, goes with the task that waits for it.
void ContainerStrain::watch_pressure(const LimitsSnapshot& now) {
    if (waiter_) waiter_.cancel();
    waiter_.detach();
    polled_.reset();
    watching_ = true;
    auto trigger =
        cgroup::PressureTrigger::open(limits_.source(), now.limits, now.derived.soft_limit_bytes);
    watched_directory_ = trigger.directory();
    core::log(core::LogLevel::debug, "cgroup", "memory pressure: " + trigger.words());
    if (trigger.is_polled()) {
        polled_.emplace(std::move(trigger));
    } else if (trigger.watch_fd() >= 0) {
        waiter_ = core::spawn(wait_for_pressure(std::move(trigger)), {.name = "pressure"});
    }
}

core::Task<void> ContainerStrain::wait_for_pressure(cgroup::PressureTrigger trigger) {
    // A descriptor of its own, as AsyncFd closes what it adopts.
    auto watch = core::AsyncFd::adopt(fcntl(trigger.watch_fd(), F_DUPFD_CLOEXEC, 3));
    if (!watch) co_return;
    for (;;) {
        const core::Wake wake = co_await watch->readable();
        if (wake != core::Wake::ready) co_return;
        if (trigger.on_watch() == cgroup::PressureTrigger::News::group_gone) {
            trigger_lost_.store(true);
            co_return;
        }
        note_pressure(Clock::now());
        // v1 tells of each pass of reclaim, fifty times a second; meanwhile they add up unread.
        co_await core::sleep_for(kBetweenPressureEvents);
    }
}

void ContainerStrain::note_pressure(TimePoint now) {
    pressure_events_.fetch_add(1, std::memory_order_relaxed);
    if (on_pressure_) on_pressure_(now);
}

void ContainerStrain::mind_throttling(TimePoint now) {
    double share = 0;
    {
        const std::lock_guard lock(mutex_);
        if (cpu_source_.empty() || !throttling_.is_due(now)) return;
        if (!throttling_.add(limits_.throttling(), now)) return;
        share = throttling_.share().value_or(0);
    }
    const core::CpuLimit cpu = limits_.snapshot().limits.cpu;
    std::string text =
        "the CPU quota held the container up in " + std::to_string(std::lround(share * 100)) +
        "% of its periods for half a minute (" + cgroup::cpus_text(cpu.cpus.value_or(0)) +
        " CPUs of " + cpu.source + "): raise the CPU limit, or let the workers run fewer threads";
    core::log(core::LogLevel::warn, "cgroup", text);
    events_.record("throttling", {}, std::move(text));
}

ContainerStrain::Figures ContainerStrain::figures() const {
    Figures figures;
    figures.pressure_events = pressure_events_.load(std::memory_order_relaxed);
    const std::lock_guard lock(mutex_);
    figures.throttled_share = throttling_.share();
    return figures;
}

}  // namespace pilotfish::daemon
