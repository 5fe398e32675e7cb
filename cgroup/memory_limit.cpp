#include "cgroup/memory_limit.h"

#include "cgroup/cpu_limit.h"
#include "cgroup/parse_number.h"

namespace pilotfish::cgroup {
namespace {

constexpr std::string_view kHierarchicalKey = "hierarchical_memory_limit";

void take_least(core::MemoryLimit& limit, std::uint64_t bytes, const std::string& source) {
    if (limit.limit_bytes && *limit.limit_bytes <= bytes) return;
    limit.limit_bytes = bytes;
    limit.source = source;
}

}  // namespace

bool limits_anything(std::optional<std::uint64_t> bytes, std::optional<std::uint64_t> total_bytes) {
    if (!bytes || *bytes >= kV1UnlimitedBytes) return false;
    return !total_bytes || *bytes < *total_bytes;
}

ByteLimit parse_memory_max(std::string_view text) {
    const std::string_view word = trim(text);
    if (word == "max") return std::optional<std::uint64_t>();
    const auto bytes = parse_number(word);
    if (!bytes) return core::Error{"neither \"max\" nor a number of bytes in " + in_quotes(word)};
    return bytes;
}

ByteLimit parse_limit_in_bytes(std::string_view text) {
    const auto bytes = parse_number(trim(text));
    if (!bytes) return core::Error{"not a number of bytes in " + in_quotes(trim(text))};
    if (*bytes >= kV1UnlimitedBytes) return std::optional<std::uint64_t>();
    return bytes;
}

MemoryFiles::MemoryFiles(Place place) : place_(std::move(place)) {
    for (std::size_t level = 0; level < place_.limited_levels(); ++level) {
        const std::string& directory = place_.directories[level];
        if (place_.version == 2) {
            files_.emplace_back(directory + "/memory.max");
            files_.emplace_back(directory + "/memory.high");
        } else {
            files_.emplace_back(directory + "/memory.limit_in_bytes");
        }
    }
    // Where every ancestor is visible their own files say it all, and at a third of the price.
    if (place_.version == 1 && place_.below_hidden_root && !place_.directories.empty())
        files_.emplace_back(place_.directories.front() + "/memory.stat", kHierarchicalKey);
}

ByteLimit MemoryFiles::read_level(const LimitFile& file) const {
    if (file.absent()) return std::optional<std::uint64_t>();  // the root group has no such file
    if (!file.outcome().ok()) return core::Error{read_failure(file.path(), file.outcome())};
    ByteLimit parsed =
        place_.version == 2 ? parse_memory_max(file.text()) : parse_limit_in_bytes(file.text());
    if (!parsed.ok())
        return core::Error{"cannot trust " + file.path() + ": " + parsed.error().message};
    return parsed;
}

void MemoryFiles::evaluate_levels(core::MemoryLimit& limit, bool& all_trusted,
                                  std::vector<std::string>& warnings) const {
    for (std::size_t level = 0; level < place_.limited_levels(); ++level) {
        const LimitFile& max_file = files_[place_.version == 2 ? 2 * level : level];
        core::MemoryLevel seen;
        seen.source = max_file.path();
        const auto take = [&](const LimitFile& file, std::optional<std::uint64_t>& into) {
            ByteLimit bytes = read_level(file);
            if (bytes.ok()) {
                into = bytes.value();
                return;
            }
            seen.trusted = false;
            all_trusted = false;
            warn(warnings, bytes.error().message);
        };
        take(max_file, seen.max_bytes);
        if (place_.version == 2) take(files_[2 * level + 1], seen.high_bytes);
        if (limits_anything(seen.max_bytes, limit.total_bytes))
            take_least(limit, *seen.max_bytes, seen.source);
        if (limits_anything(seen.high_bytes, limit.total_bytes) &&
            (!limit.high_bytes || *seen.high_bytes < *limit.high_bytes))
            limit.high_bytes = seen.high_bytes;
        limit.levels.push_back(std::move(seen));
    }
}

// hierarchical_memory_limit is the kernel's own minimum over all ancestors, hidden ones included.
void MemoryFiles::evaluate_hierarchical(core::MemoryLimit& limit, bool& all_trusted,
                                        std::vector<std::string>& warnings) const {
    if (files_.empty() || !files_.back().is_costly()) return;
    const LimitFile& stat = files_.back();
    if (stat.absent() || (stat.outcome().ok() && stat.text().empty())) return;
    const auto distrust = [&](std::string_view sentence) {
        all_trusted = false;
        warn(warnings, sentence);
    };
    if (!stat.outcome().ok()) return distrust(read_failure(stat.path(), stat.outcome()));
    ByteLimit bytes =
        parse_limit_in_bytes(std::string_view(stat.text()).substr(kHierarchicalKey.size()));
    if (!bytes.ok()) return distrust("cannot trust " + stat.path() + ": " + bytes.error().message);
    if (!limits_anything(bytes.value(), limit.total_bytes)) return;
    if (limit.limit_bytes && *limit.limit_bytes <= *bytes.value()) return;
    core::MemoryLevel level;
    level.source = stat.path();
    level.max_bytes = bytes.value();
    level.is_hidden = true;
    take_least(limit, *level.max_bytes, level.source);
    limit.levels.push_back(std::move(level));
}

void MemoryFiles::evaluate(const FileSource& source, core::MemoryLimit& limit,
                           std::vector<std::string>& warnings) const {
    limit.version = place_.version;
    limit.levels.clear();
    limit.limit_bytes.reset();
    limit.high_bytes.reset();
    limit.source.clear();
    bool all_trusted = !place_.degraded;
    if (!place_.problem.empty()) warn(warnings, place_.problem);
    if (files_.empty()) {
        limit.state = all_trusted ? core::LimitState::unlimited : core::LimitState::unknown;
        limit.ancestors_hidden = !all_trusted;
        return;
    }
    evaluate_levels(limit, all_trusted, warnings);
    evaluate_hierarchical(limit, all_trusted, warnings);
    const bool top_file_there = place_.version == 2 && !files_[files_.size() - 2].absent();
    limit.ancestors_hidden = hides_ancestors(source, place_, top_file_there);
    if (limit.limit_bytes) {
        limit.state = core::LimitState::limited;
        return;
    }
    const bool bound_from_above = place_.version == 2 && !top_file_there && limit.ancestors_hidden;
    if (bound_from_above && all_trusted)
        warn(warnings, "cannot see the memory limit: the memory controller is not enabled in " +
                           place_.directories.back() + ", and the groups above it are hidden");
    limit.state =
        all_trusted && !bound_from_above ? core::LimitState::unlimited : core::LimitState::unknown;
}

}  // namespace pilotfish::cgroup
