#include <algorithm>
#include <array>

#include "config/setting_row_of.h"
#include "config/worker_settings.h"

namespace pilotfish::config {
namespace {

bool read_resource_limit(std::string_view text, std::string_view suffix, WorkerSettings& worker,
                         std::string& why) {
    ResourceLimit limit;
    if (!parse_resource_limit(suffix, text, limit, why)) return false;
    // getenv(3) takes the first of two.
    const auto same = [&](const ResourceLimit& each) { return each.name == limit.name; };
    if (std::any_of(worker.resource_limits.begin(), worker.resource_limits.end(), same))
        return true;
    worker.resource_limits.push_back(std::move(limit));
    return true;
}

std::vector<std::pair<std::string, std::string>> each_resource_limit(const WorkerSettings& worker) {
    std::vector<std::pair<std::string, std::string>> limits;
    for (const ResourceLimit& limit : worker.resource_limits)
        limits.emplace_back(limit.name, format_resource_limit(limit));
    return limits;
}

std::string show_resource_limits(const WorkerSettings& worker) {
    std::string text;
    for (const auto& [name, value] : each_resource_limit(worker))
        text.append(text.empty() ? "" : ",").append(name).append("=").append(value);
    return text;
}

constexpr std::string_view kBudget = "Its part of the container";

constexpr std::array kRows{
    row<&WorkerSettings::cpu>(
        "CPU", {kBudget, "its processors: a cap where cgroups are writable, and what it is told"}),
    row<&WorkerSettings::memory>(
        "MEMORY", {kBudget, "its memory: a cap where cgroups are writable, and what it is told"}),
    row<&WorkerSettings::memory_high>(
        "MEMORY_HIGH", {kBudget, "from here on the kernel slows it down and reclaims; cgroup v2"}),
    row<&WorkerSettings::cpu_weight>(
        "CPU_WEIGHT",
        {kBudget, "its part of busy processors among the others', 100 being everybody's"}),
    row<&WorkerSettings::memory_weight>(
        "MEMORY_WEIGHT", {kBudget, "its part of the memory that no worker's MEMORY claims"}),
    row<&WorkerSettings::pids>("PIDS", {kBudget, "at most this many processes and threads"}),
    row<&WorkerSettings::oom_score>(
        "OOM_SCORE_ADJ",
        {kBudget, "how soon the kernel kills it when memory is out, 1000 being first"}),
    SettingRow<WorkerSettings>{
        .name = "RLIMIT_",
        .type = "limit",
        .accepted =
            "a number, a size for those in bytes, or unlimited; soft:hard such as 1024:4096",
        .unit = {},
        .group = kBudget,
        .help = "RLIMIT_<NAME> sets a limit of setrlimit(2): RLIMIT_NOFILE, RLIMIT_CORE",
        .default_words = "the daemon's own",
        .suffix = "NAME",
        .read = read_resource_limit,
        .show = show_resource_limits,
        .each = each_resource_limit},
};

}  // namespace

std::span<const SettingRow<WorkerSettings>> budget_settings() { return kRows; }

}  // namespace pilotfish::config
