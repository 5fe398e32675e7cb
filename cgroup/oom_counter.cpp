#include "cgroup/oom_counter.h"

#include <utility>

#include "cgroup/finder.h"
#include "cgroup/memory_limit.h"
#include "cgroup/parse_number.h"
#include "cgroup/usage.h"

namespace pilotfish::cgroup {

OomCounter::OomCounter(const FileSource& source, std::string directory, int version)
    : source_(&source), directory_(std::move(directory)), version_(version) {}

OomCounter OomCounter::of_container(const FileSource& source, const core::Limits& limits) {
    const auto& levels = limits.memory.levels;
    if (!levels.empty()) {
        const std::string& own = levels.front().source;
        return {source, own.substr(0, own.rfind('/')), limits.memory.version};
    }
    // The root group has no limit and yet a count (v1).
    Place place = find_controller(source, read_tables(source), "memory");
    if (place.directories.empty()) return {};
    return {source, std::move(place.directories.front()), place.version};
}

std::optional<OomKills> OomCounter::read() {
    if (directory_.empty()) return std::nullopt;
    if (!fd_)
        fd_ =
            source_->open(directory_ + (version_ == 2 ? "/memory.events" : "/memory.oom_control"));
    if (!fd_ || !read_whole(fd_.get(), kLimitFileCapBytes, scratch_).ok()) return std::nullopt;
    const MemoryEvents events = parse_memory_events(scratch_);
    if (!events.oom_kill) return std::nullopt;  // a kernel before 4.13
    OomKills kills{.kills = *events.oom_kill,
                   .limit_hits = events.oom.value_or(0),
                   .max_hits = events.max.value_or(0),
                   .group_kills = events.oom_group_kill.value_or(0)};
    if (version_ == 1) {
        kills.limit_hits = 0;  // its oom_control has none
        if (!failcnt_fd_) failcnt_fd_ = source_->open(directory_ + "/memory.failcnt");
        if (failcnt_fd_ && read_whole(failcnt_fd_.get(), kLimitFileCapBytes, scratch_).ok())
            kills.max_hits = parse_number(trim(scratch_)).value_or(0);
    }
    return kills;
}

GroupMemory read_group_memory(const FileSource& source, const std::string& directory, int version) {
    const bool v2 = version == 2;
    std::string text;
    const auto read = [&](const char* v2_name, const char* v1_name) {
        const std::string path = directory + (v2 ? v2_name : v1_name);
        return source.read(path, kLimitFileCapBytes, text).ok();
    };
    GroupMemory memory;
    if (read("/memory.max", "/memory.limit_in_bytes")) {
        const ByteLimit limit = v2 ? parse_memory_max(text) : parse_limit_in_bytes(text);
        if (limit.ok()) memory.limit_bytes = limit.value();
    }
    if (read("/memory.peak", "/memory.max_usage_in_bytes"))
        memory.peak_bytes = parse_number(trim(text));
    return memory;
}

std::optional<std::uint64_t> group_firm_bytes(const FileSource& source,
                                              const std::string& directory, int version) {
    const bool v2 = version == 2;
    std::string text;
    const char* const usage_name = v2 ? "/memory.current" : "/memory.usage_in_bytes";
    if (!source.read(directory + usage_name, kLimitFileCapBytes, text).ok()) return std::nullopt;
    const auto usage = parse_number(trim(text));
    if (!usage || !source.read(directory + "/memory.stat", kStatFileCapBytes, text).ok())
        return usage;
    const auto inactive = find_value(text, v2 ? "inactive_file" : "total_inactive_file");
    const auto active = find_value(text, v2 ? "active_file" : "total_active_file");
    const std::uint64_t cache = inactive.value_or(0) + active.value_or(0);
    return *usage > cache ? *usage - cache : 0;
}

}  // namespace pilotfish::cgroup
