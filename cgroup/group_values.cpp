#include "cgroup/group_values.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

// The kernel's own default period, and its bounds: a quota of at least 1 ms, a period of at most
// 1 s (kernel/sched/core.c: min_cfs_quota_period, max_cfs_quota_period).
constexpr double kPeriodUs = 100'000;
constexpr double kLongestPeriodUs = 1'000'000;
constexpr double kLeastQuotaUs = 1'000;

struct Bandwidth {
    std::int64_t quota_us;
    std::int64_t period_us;
};

Bandwidth bandwidth_of(double cpus) {
    // A share so small that its quota would be refused is given over a longer period.
    const double period = cpus * kPeriodUs >= kLeastQuotaUs ? kPeriodUs : kLongestPeriodUs;
    const double quota = std::max(cpus * period, kLeastQuotaUs);
    return {std::llround(quota), std::llround(period)};
}

// The kernel turns a v2 weight into the scheduler weight by exactly this (kernel/sched/core.c,
// cpu_weight_write_u64: weight * 1024 / 100), and a v1 share is that scheduler weight. Rejected:
// runc's line 1 + ((shares - 2) * 9999) / 262142, by which the default of one is not the default of
// the other (1024 shares become a weight of 39).
std::int64_t shares_of(int weight) {
    constexpr std::int64_t kLeast = 2;  // MIN_SHARES; MAX_SHARES is out of reach of 10000
    return std::max<std::int64_t>(kLeast, (weight * std::int64_t{1024} + 50) / 100);
}

}  // namespace

std::vector<GroupValue> values_for(const GroupLimits& limits, std::string_view controller,
                                   int version) {
    std::vector<GroupValue> values;
    const auto add = [&](std::string_view file, std::string text) {
        values.push_back({std::string(controller), std::string(file), std::move(text)});
    };
    const bool v2 = version == 2;
    if (controller == "cpu") {
        if (limits.cpu_weight) {
            if (v2) add("cpu.weight", std::to_string(*limits.cpu_weight));
            if (!v2) add("cpu.shares", std::to_string(shares_of(*limits.cpu_weight)));
        }
        if (limits.cpus) {
            const Bandwidth band = bandwidth_of(*limits.cpus);
            const std::string quota = std::to_string(band.quota_us);
            const std::string period = std::to_string(band.period_us);
            if (v2) add("cpu.max", quota + " " + period);
            if (!v2) add("cpu.cfs_period_us", period);
            if (!v2) add("cpu.cfs_quota_us", quota);
        }
    } else if (controller == "memory") {
        if (limits.memory_high_bytes && v2)
            add("memory.high", std::to_string(*limits.memory_high_bytes));
        if (limits.memory_bytes)
            add(v2 ? "memory.max" : "memory.limit_in_bytes", std::to_string(*limits.memory_bytes));
    } else if (controller == "pids") {
        if (limits.pids) add("pids.max", std::to_string(*limits.pids));
    }
    return values;
}

std::vector<std::string> controllers_for(const GroupLimits& limits) {
    std::vector<std::string> controllers;
    if (limits.cpus || limits.cpu_weight) controllers.emplace_back("cpu");
    if (limits.memory_bytes || limits.memory_high_bytes) controllers.emplace_back("memory");
    if (limits.pids) controllers.emplace_back("pids");
    return controllers;
}

bool has_counterpart(const GroupLimits& limits, int memory_version) {
    return !limits.memory_high_bytes || memory_version != 1;
}

bool is_answer_to(const GroupValue& written, std::string_view read) {
    read = trim(read);
    if (read == written.text) return true;
    if (!written.file.starts_with("memory.")) return false;
    const auto asked = parse_number(written.text);
    const auto got = parse_number(read);
    if (!asked || !got) return false;
    const auto page = static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    return *got <= *asked && *asked - *got < page;
}

}  // namespace pilotfish::cgroup
