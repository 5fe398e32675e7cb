#include "cgroup/cpu_limit.h"

#include <algorithm>

#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

// Documentation/admin-guide/cgroup-v2.rst: the default period.
constexpr std::uint64_t kDefaultPeriodUs = 100000;

core::Error untrusted(std::string_view why, std::string_view text) {
    return {std::string(why) + " in " + in_quotes(trim(text))};
}

std::string v1_file(const std::string& directory, bool period) {
    return directory + (period ? "/cpu.cfs_period_us" : "/cpu.cfs_quota_us");
}

}  // namespace

CpuQuota parse_cpu_max(std::string_view text) {
    const std::string_view line = trim(text);
    const std::size_t blank = line.find_first_of(" \t");
    const std::string_view quota_text = line.substr(0, blank);
    std::uint64_t period = kDefaultPeriodUs;
    if (blank != std::string_view::npos) {
        const auto parsed = parse_number(trim(line.substr(blank)));
        if (!parsed) return untrusted("the period is not a number", text);
        if (*parsed == 0) return untrusted("the period is zero", text);
        period = *parsed;
    }
    if (quota_text == "max") return std::optional<double>();
    const auto quota = parse_number(quota_text);
    if (!quota) return untrusted("the quota is neither \"max\" nor a number", text);
    if (*quota == 0) return untrusted("the quota is zero", text);
    return std::optional(static_cast<double>(*quota) / static_cast<double>(period));
}

CpuQuota parse_cfs_quota(std::string_view quota_us, std::string_view period_us) {
    const auto quota = parse_number<std::int64_t>(trim(quota_us));
    if (!quota) return untrusted("the quota is not a number", quota_us);
    if (*quota <= 0) return std::optional<double>();
    const auto period = parse_number(trim(period_us));
    if (!period) return untrusted("the period is not a number", period_us);
    if (*period == 0) return untrusted("the period is zero", period_us);
    return std::optional(static_cast<double>(*quota) / static_cast<double>(*period));
}

CpuFiles::CpuFiles(Place place) : place_(std::move(place)) {
    for (std::size_t level = 0; level < place_.limited_levels(); ++level) {
        const std::string& directory = place_.directories[level];
        if (place_.version == 2) {
            files_.emplace_back(directory + "/cpu.max");
        } else {
            files_.emplace_back(v1_file(directory, false));
            files_.emplace_back(v1_file(directory, true));
        }
    }
}

CpuQuota CpuFiles::quota_of_level(std::size_t level) const {
    const auto unreadable = [](const LimitFile& file) -> core::Error {
        return {read_failure(file.path(), file.outcome())};
    };
    const auto distrusted = [](const LimitFile& file, const core::Error& error) -> core::Error {
        return {"cannot trust " + file.path() + ": " + error.message};
    };
    const LimitFile& quota = files_[place_.version == 2 ? level : 2 * level];
    if (quota.absent()) return std::optional<double>();  // the root group has no such file
    if (!quota.outcome().ok()) return unreadable(quota);
    if (place_.version == 2) {
        CpuQuota parsed = parse_cpu_max(quota.text());
        if (!parsed.ok()) return distrusted(quota, parsed.error());
        return parsed;
    }
    const LimitFile& period = files_[2 * level + 1];
    CpuQuota parsed = parse_cfs_quota(quota.text(), period.text());
    if (parsed.ok()) return parsed;
    if (!period.outcome().ok()) return unreadable(period);
    return distrusted(quota, parsed.error());
}

void CpuFiles::evaluate(const FileSource& source, core::CpuLimit& limit,
                        std::vector<std::string>& warnings) const {
    limit.version = place_.version;
    limit.levels.clear();
    limit.cpus.reset();
    limit.source.clear();
    bool all_trusted = !place_.degraded;
    if (!place_.problem.empty()) warn(warnings, place_.problem);
    for (std::size_t level = 0; level < place_.limited_levels(); ++level) {
        const LimitFile& file = files_[place_.version == 2 ? level : 2 * level];
        core::CpuLevel seen;
        seen.source = file.path();
        const CpuQuota quota = quota_of_level(level);
        if (quota.ok()) {
            seen.cpus = quota.value();
        } else {
            seen.trusted = false;
            all_trusted = false;
            warn(warnings, quota.error().message);
        }
        if (seen.cpus && (!limit.cpus || *seen.cpus < *limit.cpus)) {
            limit.cpus = seen.cpus;
            limit.source = seen.source;
        }
        limit.levels.push_back(std::move(seen));
    }
    if (limit.levels.empty()) {
        limit.state = all_trusted ? core::LimitState::unlimited : core::LimitState::unknown;
        limit.ancestors_hidden = !all_trusted;  // none but the root group: nothing is hidden
        return;
    }
    const bool top_file_there = place_.version == 2 && !files_.back().absent();
    limit.ancestors_hidden = hides_ancestors(source, place_, top_file_there);
    if (limit.cpus) {
        limit.state = core::LimitState::limited;
        return;
    }
    // A v2 group without cpu.max is bound by groups above it; when those are hidden, nobody knows.
    const bool bound_from_above = place_.version == 2 && !top_file_there && limit.ancestors_hidden;
    if (bound_from_above && all_trusted)
        warn(warnings, "cannot see the CPU limit: the cpu controller is not enabled in " +
                           place_.directories.back() + ", and the groups above it are hidden");
    limit.state =
        all_trusted && !bound_from_above ? core::LimitState::unlimited : core::LimitState::unknown;
}

bool hides_ancestors(const FileSource& source, const Place& place, bool top_file_there) {
    if (place.below_hidden_root || top_file_there) return true;
    // The kernel makes cgroup.type in every v2 group but the root.
    return place.version == 2 && source.look(place.mount_point + "/cgroup.type").ok();
}

void warn(std::vector<std::string>& warnings, std::string_view words) {
    std::string sentence = printable(words);
    if (std::find(warnings.begin(), warnings.end(), sentence) == warnings.end())
        warnings.push_back(std::move(sentence));
}

}  // namespace pilotfish::cgroup
