#include "daemon/container_limits.h"

#include <fcntl.h>

#include <algorithm>

#include "core/async_fd.h"
#include "core/blocking.h"
#include "core/log.h"
#include "core/memory_limit.h"
#include "core/memory_room.h"
#include "core/runtime.h"
#include "core/sleep.h"

namespace pilotfish::daemon {
namespace {

using Clock = std::chrono::steady_clock;

// While what is spawned waits for room, it is seen within this time that there is some, however
// seldom the tick is, or never.
constexpr std::chrono::seconds kBrakeCheck{1};

cgroup::Rounding rounding_of(config::Rounding rounding) {
    switch (rounding) {
        case config::Rounding::ceil: return cgroup::Rounding::ceil;
        case config::Rounding::floor: return cgroup::Rounding::floor;
        case config::Rounding::round: return cgroup::Rounding::round;
    }
    return cgroup::Rounding::ceil;
}

// Of a field: a figure, or none where there is no limit, or it is unknown.
std::string cpus_text(const core::CpuLimit& cpu) {
    return cpu.cpus ? cgroup::cpus_text(*cpu.cpus) : "none";
}

bool hosts_tasks(const config::Configuration& configuration) {
    return std::any_of(configuration.workers.begin(), configuration.workers.end(),
                       [](const auto& worker) { return !worker.settings.plugin.empty(); });
}

std::string bytes_text(const std::optional<std::uint64_t>& bytes) {
    return bytes ? std::to_string(*bytes) : "none";
}

}  // namespace

cgroup::DerivePolicy derive_policy(const config::Settings& settings) {
    cgroup::DerivePolicy policy;
    policy.maxprocs = settings.maxprocs;
    policy.rounding = rounding_of(settings.maxprocs_rounding);
    policy.maxprocs_min = settings.maxprocs_min;
    switch (settings.memory_limit.kind) {
        case config::MemoryLimitSetting::Kind::share:
            policy.memory = cgroup::DerivePolicy::Memory::share;
            break;
        case config::MemoryLimitSetting::Kind::size:
            policy.memory = cgroup::DerivePolicy::Memory::size;
            break;
        case config::MemoryLimitSetting::Kind::off:
            policy.memory = cgroup::DerivePolicy::Memory::off;
            break;
    }
    policy.memory_share = settings.memory_limit.share;
    policy.memory_size_bytes = settings.memory_limit.size.count;
    return policy;
}

ContainerLimits::ContainerLimits(const CurrentConfiguration& configuration, EventLog& events)
    : configuration_(configuration),
      interval_(configuration.get()->settings.limits_interval),
      source_(cgroup::FileSource::this_process()),
      events_(events),
      snapshot_(take_snapshot(cgroup::read_limits(source_))),
      usage_(source_, snapshot_.limits) {}

ContainerLimits::Snapshot ContainerLimits::take_snapshot(const core::Limits& limits) const {
    const CurrentConfiguration::Shared now = configuration_.get();
    return {limits, cgroup::derive(limits, derive_policy(now->settings)),
            std::make_shared<const Budgets>(make_budgets(*now, limits))};
}

ContainerLimits::Snapshot ContainerLimits::snapshot() const {
    const std::lock_guard lock(mutex_);
    return snapshot_;
}

std::shared_ptr<const Budgets> ContainerLimits::budgets() const {
    const std::lock_guard lock(mutex_);
    return snapshot_.budgets;
}

cgroup::Usage ContainerLimits::usage() { return usage_.read(Clock::now()); }

std::string ContainerLimits::summary() const {
    const Snapshot now = snapshot();
    std::string text = "processors " + std::to_string(now.derived.maxprocs) + ": " +
                       now.derived.maxprocs_reason + "; ";
    if (now.derived.soft_limit_bytes) {
        text += "soft memory limit " + cgroup::bytes_text(*now.derived.soft_limit_bytes);
    } else {
        text += "no soft memory limit";
    }
    return text + ": " + now.derived.soft_limit_reason;
}

// One task drives the follower, so nothing in it needs a lock: it waits for the watch, for the next
// tick and for the next check at once.
core::Task<void> ContainerLimits::follow() {
    apply();
    // Closing an inotify instance waits for the kernel's grace period, some 10 ms. A command that
    // is over sooner than this never makes one, and so ends at once.
    constexpr std::chrono::milliseconds kSettle{200};
    co_await core::sleep_for(kSettle);
    follower_ = std::make_unique<cgroup::Follower>(cgroup::FileSource::this_process());
    catch_up();
    std::optional<core::AsyncFd> watch;
    if (follower_->watch_fd() >= 0) {
        // A descriptor of its own, as AsyncFd closes what it adopts.
        auto adopted = core::AsyncFd::adopt(fcntl(follower_->watch_fd(), F_DUPFD_CLOEXEC, 3));
        if (adopted) watch.emplace(std::move(*adopted));
    }
    const bool ticks = interval_ > std::chrono::nanoseconds::zero();
    Clock::time_point next_tick = ticks ? Clock::now() + interval_ : Clock::time_point::max();
    for (;;) {
        const Clock::time_point due =
            std::min({next_tick, follower_->next_check().value_or(Clock::time_point::max()),
                      next_brake_check_});
        std::optional<Clock::time_point> deadline;
        if (due != Clock::time_point::max()) deadline = due;
        core::Wake wake = core::Wake::timed_out;
        if (watch) {
            wake = co_await watch->readable(deadline);
        } else if (deadline) {
            co_await core::sleep_until(*deadline);
        } else {
            co_return;  // neither watches nor ticks: the limits stay as they were read
        }
        const Clock::time_point now = Clock::now();
        bool changed = false;
        if (wake == core::Wake::ready) changed |= follower_->on_watch(now);
        const bool ticked = now >= next_tick;
        if (ticked) {
            changed |= follower_->on_tick(now);
            next_tick = now + interval_;
        }
        const auto check = follower_->next_check();
        if (check && now >= *check) changed |= follower_->on_check(now);
        if (changed) publish();
        if (const auto event = follower_->take_event()) tell(*event);
        if (ticked)
            for (LimitsListener* const listener : listeners_) listener->limits_tick(now);
        // Without ticks at least when something has changed.
        if (ticked || now >= next_brake_check_ || !ticks) co_await mind_the_heap(now);
    }
}

// Off the processors: to ask the allocator takes up to 40 ms, and a purge 100. It is asked only
// where the memory that the process holds allows that the heap is near. The tick waits for it, as
// nothing it would read meanwhile could be acted upon better.
core::Task<void> ContainerLimits::mind_the_heap(Clock::time_point now) {
    const auto limit = runtime::memory_limit();
    next_brake_check_ = Clock::time_point::max();
    if (!limit) {
        core::set_spawn_brake(false);
        co_return;
    }
    std::uint64_t heap = core::anonymous_bytes().value_or(UINT64_MAX);
    if (core::may_be_near(heap)) {
        auto ask = [] { return core::heap_in_use_bytes(); };
        heap = co_await core::blocking(ask);
    }
    const core::MemoryDue due = core::check_memory_limit(now, heap);
    // Without hosted tasks there is nobody to be held back but the daemon's own few.
    const bool braked = due.brake && hosts_tasks(*configuration_.get());
    core::set_spawn_brake(braked);
    if (braked) next_brake_check_ = now + kBrakeCheck;
    if (!due.any_step()) co_return;
    auto run = [due] { return core::run_memory_cycle(due); };
    const core::MemoryCycle cycle = co_await core::blocking(run);
    if (trace_ != nullptr) trace_->cycle(cycle, *limit);
}

// In the log for people, in the record with old and new for programs.
void ContainerLimits::tell(const cgroup::LimitsEvent& event) {
    core::log(core::LogLevel::info, "cgroup", event.text);
    EventLog::Fields fields{{"source", event.source}};
    const auto add = [&fields](const char* name, const std::string& before,
                               const std::string& after) {
        if (before == after) return;
        fields.emplace_back(std::string("old_") + name, before);
        fields.emplace_back(std::string("new_") + name, after);
    };
    const Snapshot before = take_snapshot(event.before);
    const Snapshot after = take_snapshot(event.after);
    add("cpus", cpus_text(before.limits.cpu), cpus_text(after.limits.cpu));
    add("affinity", std::to_string(before.limits.cpu.affinity),
        std::to_string(after.limits.cpu.affinity));
    add("maxprocs", std::to_string(before.derived.maxprocs),
        std::to_string(after.derived.maxprocs));
    add("limit_bytes", bytes_text(before.limits.memory.limit_bytes),
        bytes_text(after.limits.memory.limit_bytes));
    add("soft_limit_bytes", bytes_text(before.derived.soft_limit_bytes),
        bytes_text(after.derived.soft_limit_bytes));
    events_.record("limits", {}, event.text, std::move(fields));
    for (LimitsListener* const listener : listeners_) listener->limits_resized(event);
}

// What has changed since the start, when nobody followed yet: workers may have been started with
// what held then.
void ContainerLimits::catch_up() {
    cgroup::LimitsEvent event;
    event.before = snapshot().limits;
    publish();
    event.after = follower_->limits();
    event.text = cgroup::change_text(event.before, event.after);
    if (event.text.empty()) return;
    event.source = event.before.cpu.cpus != event.after.cpu.cpus ? event.after.cpu.source
                                                                 : event.after.memory.source;
    tell(event);
}

void ContainerLimits::publish() {
    usage_.resolve(follower_->limits());
    const Snapshot now = renew(follower_->limits());
    for (LimitsListener* const listener : listeners_) listener->limits_changed(now);
}

// Under the lock, so that of two at once the later one knows the later configuration and limits.
ContainerLimits::Snapshot ContainerLimits::renew(const std::optional<core::Limits>& limits) {
    std::shared_ptr<const Budgets> before;
    Snapshot now;
    {
        const std::lock_guard lock(mutex_);
        before = snapshot_.budgets;
        snapshot_ = take_snapshot(limits ? *limits : core::Limits(snapshot_.limits));
        now = snapshot_;
        runtime::max_procs(now.derived.maxprocs);
        runtime::set_memory_limit(now.budgets->heap_bytes);
    }
    // What did not fit before was told then.
    const std::vector<std::string>& told = before->warnings;
    for (const std::string& warning : now.budgets->warnings) {
        if (std::find(told.begin(), told.end(), warning) == told.end())
            core::log(core::LogLevel::warn, "daemon", warning);
    }
    return now;
}

void ContainerLimits::reconfigure() { renew(std::nullopt); }

void ContainerLimits::apply() const {
    const Snapshot now = snapshot();
    runtime::max_procs(now.derived.maxprocs);
    runtime::set_memory_limit(now.budgets->heap_bytes);
}

}  // namespace pilotfish::daemon
