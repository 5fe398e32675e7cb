#include "daemon/worker_group.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <set>

#include "daemon/proc_stat.h"

namespace pilotfish::daemon {
namespace {

// Who takes longer to die hangs in a system call, and the next start takes its group away.
constexpr std::chrono::milliseconds kPatience{500};

std::optional<std::uint64_t> start_time_of(pid_t pid) {
    const auto stat = read_proc_stat(pid);
    if (!stat) return std::nullopt;
    return stat->start_ticks;
}

// The settings that are about a controller, of those that some worker has set.
std::set<std::string> settings_about(const std::string& controller,
                                     const std::vector<config::WorkerConfiguration>& workers) {
    std::set<std::string> names;
    for (const config::WorkerConfiguration& worker : workers) {
        const config::WorkerSettings& settings = worker.settings;
        if (controller == "cpu" && settings.cpu) names.insert("CPU");
        if (controller == "cpu" && settings.cpu_weight) names.insert("CPU_WEIGHT");
        if (controller == "memory" && settings.memory) names.insert("MEMORY");
        if (controller == "memory" && settings.memory_high) names.insert("MEMORY_HIGH");
        if (controller == "pids" && settings.pids) names.insert("PIDS");
    }
    return names;
}

// The memory controller always: by it the worker's use is counted and its OOM kills are known.
std::vector<std::string> wanted_controllers(const config::Configuration& configuration) {
    const bool all = configuration.settings.child_groups == config::ChildGroups::all;
    std::vector<std::string> controllers = {"memory"};
    for (const char* controller : {"cpu", "pids"}) {
        if (all || !settings_about(controller, configuration.workers).empty())
            controllers.emplace_back(controller);
    }
    return controllers;
}

// RLIMIT_NPROC would not do for PIDS: it counts all processes of the user, in whatever container,
// and not those of root; RLIMIT_AS not for MEMORY: it counts addresses, which Go and the JVM
// reserve by the gigabyte. Whoever wants them sets them.
std::string what_holds_instead(const std::set<std::string>& settings) {
    std::string text;
    const auto add = [&text](const std::string& part) {
        text += text.empty() ? "" : "; ";
        text += part;
    };
    if (settings.contains("CPU")) add("CPU only tells workers how much to expect");
    if (settings.contains("MEMORY"))
        add("MEMORY is watched by polling what a worker holds, and tells it how much to expect");
    std::string void_ones;
    for (const char* name : {"CPU_WEIGHT", "MEMORY_HIGH", "PIDS"}) {
        if (!settings.contains(name)) continue;
        void_ones += void_ones.empty() ? "" : ", ";
        void_ones += name;
    }
    if (!void_ones.empty()) add("no effect: " + void_ones);
    return text.empty() ? text : " (" + text + "; RLIMIT_* and OOM_SCORE_ADJ hold)";
}

}  // namespace

cgroup::GroupLimits group_limits(const config::WorkerSettings& settings,
                                 const core::Limits& limits) {
    cgroup::GroupLimits result;
    if (settings.cpu) result.cpus = cpus_of(*settings.cpu, limits.cpu);
    if (settings.cpu_weight) result.cpu_weight = settings.cpu_weight->count;
    if (settings.memory) result.memory_bytes = bytes_of(*settings.memory, limits.memory);
    if (settings.memory_high)
        result.memory_high_bytes = bytes_of(*settings.memory_high, limits.memory);
    if (settings.pids) result.pids = settings.pids->most;
    return result;
}

bool wants_group(const config::WorkerSettings& settings, config::ChildGroups choice) {
    if (!settings.plugin.empty() || choice == config::ChildGroups::off) return false;
    return choice == config::ChildGroups::all || settings.cpu || settings.cpu_weight ||
           settings.memory || settings.memory_high || settings.pids;
}

OwnGroup foreseen_group(const config::WorkerSettings& settings, config::ChildGroups choice,
                        const std::vector<cgroup::GroupParent>& parents,
                        const core::Limits& limits) {
    if (!wants_group(settings, choice) || parents.empty()) return {};
    std::vector<cgroup::GroupPlace> places;
    for (const cgroup::GroupParent& parent : parents)
        places.push_back({parent.version, parent.directory, parent.controllers});
    OwnGroup own = without_caps(places, limits);
    const cgroup::GroupLimits asked = group_limits(settings, limits);
    own.cpu_cap_in_force = asked.cpus && has_controller(places, "cpu");
    own.memory_cap_in_force = asked.memory_bytes && has_controller(places, "memory");
    return own;
}

std::vector<cgroup::GroupParent> foreseen_parents(const config::Configuration& configuration) {
    return cgroup::GroupParents::foresee(cgroup::FileSource::this_process(),
                                         wanted_controllers(configuration));
}

WorkerGroups::WorkerGroups(const config::Configuration& configuration)
    : configuration_(configuration) {
    const auto& workers = configuration.workers;
    const auto choice = configuration.settings.child_groups;
    wanted_ = std::any_of(workers.begin(), workers.end(),
                          [&](const auto& worker) { return wants_group(worker.settings, choice); });
    if (wanted_) prepare();
}

WorkerGroups::~WorkerGroups() { end(); }

void WorkerGroups::prepare() {
    const auto us = cgroup::this_owner(start_time_of);
    if (!us) {
        say(core::LogLevel::warn,
            "cannot give workers groups of their own: /proc does not show this process, so its "
            "groups could not be told from another's");
        return;
    }
    parents_ = cgroup::GroupParents::prepare(cgroup::FileSource::this_process(),
                                             wanted_controllers(configuration_));
    say_problems();
    // Also those of a daemon that was asked for more, or for less, than we are.
    say_stale(cgroup::remove_stale_groups(
        cgroup::all_group_parents(cgroup::FileSource::this_process()), *us, start_time_of));
    if (parents_.list().empty()) return;
    owner_ = us;
}

// One line for each reason, whatever the number of controllers and workers it concerns.
void WorkerGroups::say_problems() {
    const auto& problems = parents_.problems();
    // The normal pod, where nobody can do anything about it: one line, and how to be rid of it.
    if (parents_.list().empty() && !problems.empty() &&
        std::all_of(problems.begin(), problems.end(),
                    [](const cgroup::GroupProblem& problem) { return problem.is_read_only; })) {
        std::set<std::string> settings;
        for (const cgroup::GroupProblem& problem : problems)
            settings.merge(settings_about(problem.controller, configuration_.workers));
        say(core::LogLevel::info,
            "workers go without groups of their own: " + problems.front().sentence +
                what_holds_instead(settings) + "; PILOTFISH_CHILD_GROUPS=off silences this line");
        return;
    }
    const bool all = configuration_.settings.child_groups == config::ChildGroups::all;
    std::map<std::string, std::set<std::string>> by_sentence;
    for (const cgroup::GroupProblem& problem : problems) {
        const auto settings = settings_about(problem.controller, configuration_.workers);
        // Nobody asked for what cannot be had.
        if (settings.empty() && !all && !parents_.list().empty()) continue;
        by_sentence[problem.sentence].insert(settings.begin(), settings.end());
    }
    const std::string effect = parents_.list().empty()
                                   ? "workers go without groups of their own: "
                                   : "the groups of workers lack a controller: ";
    for (const auto& [sentence, settings] : by_sentence) {
        say(core::LogLevel::warn, effect + sentence + what_holds_instead(settings));
    }
}

void WorkerGroups::say_stale(const cgroup::StaleGroups& stale) {
    for (const std::string& problem : stale.problems) say(core::LogLevel::warn, problem);
    if (stale.groups > 0) {
        std::string line = "removed the groups of " + std::to_string(stale.groups) +
                           " workers that a killed daemon had left behind";
        if (stale.killed > 0)
            line += ", and killed " + std::to_string(stale.killed) + " processes in them";
        say(stale.killed > 0 ? core::LogLevel::warn : core::LogLevel::info, std::move(line));
    }
    if (stale.unseen_groups > 0)
        say(core::LogLevel::info,
            "removed the empty groups of " + std::to_string(stale.unseen_groups) +
                " workers of a daemon in another PID namespace or an earlier boot");
}

void WorkerGroups::say(core::LogLevel level, std::string line) {
    {
        const std::lock_guard lock(notices_mutex_);
        if (!speaks_) {
            notices_.push_back({level, std::move(line)});
            return;
        }
    }
    core::log(level, "daemon", line);
}

std::vector<WorkerGroups::Notice> WorkerGroups::notices() const {
    const std::lock_guard lock(notices_mutex_);
    return notices_;
}

void WorkerGroups::speak() {
    std::vector<Notice> untold;
    {
        const std::lock_guard lock(notices_mutex_);
        speaks_ = true;
        untold.swap(notices_);
    }
    for (const Notice& notice : untold) core::log(notice.level, "daemon", notice.line);
}

void WorkerGroups::set_limits(const std::string& worker, const cgroup::ChildGroup& group,
                              const cgroup::GroupLimits& limits) {
    std::string complaints;
    for (const core::Error& missing : group.left_out())
        complaints += (complaints.empty() ? "" : "; ") + missing.message;
    for (const core::Error& refused : group.apply(limits))
        complaints += (complaints.empty() ? "" : "; ") + refused.message;
    const cgroup::GroupPlace* const memory = group.place_of("memory");
    if (memory != nullptr && !cgroup::has_counterpart(limits, memory->version))
        complaints += std::string(complaints.empty() ? "" : "; ") +
                      "cannot set MEMORY_HIGH: cgroup v1 has nothing like it";
    {
        const std::lock_guard lock(mutex_);
        if (std::string& last = said_[worker]; last == complaints) return;
        said_[worker] = complaints;
    }
    if (!complaints.empty()) say(core::LogLevel::warn, worker + ": " + complaints);
}

void WorkerGroups::apply(const core::Limits& limits) {
    std::map<std::string, SharedGroup> groups;
    std::map<std::string, config::WorkerSettings> settings;
    {
        const std::lock_guard lock(mutex_);
        limits_ = limits;
        groups = groups_;
        settings = settings_;
    }
    for (const auto& [worker, group] : groups)
        set_limits(worker, *group, group_limits(settings[worker], limits));
}

SharedGroup WorkerGroups::ready(const config::WorkerSettings& settings) {
    if (!wants_group(settings, configuration_.settings.child_groups)) return nullptr;
    // That comes before the limits are read, and so at the start or not at all.
    if (!wanted_) {
        goes_without(settings.name,
                     {"child groups were not prepared at the start, as no worker had a limit then; "
                      "`pilotfish upgrade` or a new start makes them"});
    }
    if (!owner_) return nullptr;
    cgroup::GroupLimits limits;
    {
        const std::lock_guard lock(mutex_);
        const auto known = groups_.find(settings.name);
        if (known != groups_.end() && known->second->exists()) {
            known->second->clear();
            return known->second;
        }
        limits = group_limits(settings, limits_);
        settings_[settings.name] = settings;
    }
    auto made = cgroup::ChildGroup::create(parents_.list(),
                                           cgroup::group_name(settings.name, *owner_), limits);
    if (!made) {
        goes_without(settings.name, made.error());
        return nullptr;
    }
    auto group = std::make_shared<const cgroup::ChildGroup>(std::move(*made));
    set_limits(settings.name, *group, limits);
    say(core::LogLevel::debug,
        settings.name + " has the group " + group->places().front().directory);
    if (when_made_) when_made_(settings.name, *group);
    const std::lock_guard lock(mutex_);
    groups_[settings.name] = group;
    return group;
}

OwnGroup WorkerGroups::own_group_of(const config::WorkerSettings& settings) const {
    SharedGroup group;
    core::Limits limits;
    {
        const std::lock_guard lock(mutex_);
        const auto known = groups_.find(settings.name);
        // One that could not be made again is not there.
        if (known == groups_.end() || !known->second->exists()) return {};
        group = known->second;
        limits = limits_;
    }
    OwnGroup own = without_caps(group->places(), limits);
    const cgroup::GroupLimits asked = group_limits(settings, limits);
    own.cpu_cap_in_force = asked.cpus && group->holds({.cpus = asked.cpus});
    own.memory_cap_in_force =
        asked.memory_bytes && group->holds({.memory_bytes = asked.memory_bytes});
    return own;
}

void WorkerGroups::goes_without(const std::string& worker, const core::Error& reason) {
    {
        const std::lock_guard lock(mutex_);
        if (!without_.insert(worker).second) return;
    }
    say(core::LogLevel::warn, worker + ": going on without a group of its own: " + reason.message);
}

SharedGroup WorkerGroups::instead(const config::WorkerSettings& settings,
                                  const core::Error& failure, bool first) {
    SharedGroup group;
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = groups_.extract(settings.name)) group = known.mapped();
    }
    // Its counts go with it.
    if (group && when_gone_) when_gone_(settings.name);
    if (group) {
        const auto removed = group->remove(kPatience);
        if (removed && first) return ready(settings);
    }
    goes_without(settings.name, failure);
    return nullptr;
}

void WorkerGroups::forget(const std::string& worker) {
    SharedGroup group;
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = groups_.extract(worker)) group = known.mapped();
        settings_.erase(worker);
        said_.erase(worker);
        without_.erase(worker);
    }
    if (!group) return;
    if (when_gone_) when_gone_(worker);
    constexpr std::chrono::milliseconds kShortPatience{50};
    if (const auto removed = group->remove(kShortPatience); !removed)
        say(core::LogLevel::warn, worker + ": " + removed.error().message);
}

// Everybody is killed before anybody is waited for, so that all of them die in the same time.
void WorkerGroups::end() {
    using Clock = std::chrono::steady_clock;
    const std::lock_guard lock(mutex_);
    for (const auto& [worker, group] : groups_)
        if (group->populated()) group->kill_all();
    const auto deadline = Clock::now() + kPatience;
    for (const auto& [worker, group] : groups_) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        const auto patience = std::max(left, std::chrono::milliseconds(0));
        if (auto removed = group->remove(patience); !removed)
            say(core::LogLevel::warn, worker + ": " + removed.error().message);
    }
    groups_.clear();
    owner_.reset();
    parents_.take_back();
}

}  // namespace pilotfish::daemon
