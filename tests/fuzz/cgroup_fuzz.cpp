// Any bytes through every pure reader of cgroup: none may crash, hang, or give a value that breaks
// its promise. The first byte chooses the reader, so that one corpus serves all.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cgroup/cpu_limit.h"
#include "cgroup/derive.h"
#include "cgroup/finder.h"
#include "cgroup/headroom.h"
#include "cgroup/memory_limit.h"
#include "cgroup/parse_number.h"
#include "cgroup/processors.h"
#include "cgroup/throttling.h"
#include "cgroup/usage.h"
#include "core/check.h"

namespace {

using namespace pilotfish;

void mountinfo(std::string_view text) {
    for (const cgroup::CgroupMount& mount : cgroup::parse_mountinfo(text).mounts) {
        PF_CHECK(mount.version == 1 || mount.version == 2, "a mount of no version");
        PF_CHECK(mount.root.starts_with('/') && mount.mount_point.starts_with('/'),
                 "a mount with a relative path");
        const auto below = cgroup::strip_root(mount.root, mount.mount_point);
        PF_CHECK(!below || below->empty() || below->front() == '/', "half a component stripped");
    }
}

void membership(std::string_view text) {
    for (const cgroup::Membership& line : cgroup::parse_membership(text).lines)
        PF_CHECK(!line.unified || line.controllers.empty(), "a unified line with controllers");
}

// Both process files at once: the text before the first NUL, and after it.
void placement(std::string_view text) {
    const std::size_t cut = text.find('\0');
    cgroup::Tables tables;
    tables.membership = cgroup::parse_membership(text.substr(0, cut));
    if (cut != std::string_view::npos)
        tables.mounts = cgroup::parse_mountinfo(text.substr(cut + 1));
    static const cgroup::FileSource kNothing =
        cgroup::FileSource::replay("/proc/self/fdinfo").value();
    for (const char* controller : {"cpu", "memory"}) {
        const cgroup::Place place = cgroup::find_controller(kNothing, tables, controller);
        PF_CHECK(place.directories.empty() ||
                     place.directories.back().size() <= place.directories.front().size(),
                 "levels that do not climb");
        PF_CHECK(!place.degraded || !place.problem.empty(), "degraded without a word");
    }
}

void cpu_max(std::string_view text) {
    const cgroup::CpuQuota quota = cgroup::parse_cpu_max(text);
    if (quota.ok() && quota.value()) {
        PF_CHECK(*quota.value() > 0, "a quota of nothing");
        const int whole = cgroup::round_cpus(*quota.value(), cgroup::Rounding::ceil, 1, 64);
        PF_CHECK(whole >= 1 && whole <= 64, "processors out of range");
        cgroup::cpus_text(*quota.value());
    }
    const std::size_t cut = text.find('\n');
    const auto v1 = cgroup::parse_cfs_quota(text.substr(0, cut),
                                            cut == std::string_view::npos ? "" : text.substr(cut));
    PF_CHECK(!v1.ok() || !v1.value() || *v1.value() > 0, "a v1 quota of nothing");
}

void memory_files(std::string_view text) {
    const cgroup::ByteLimit max = cgroup::parse_memory_max(text);
    if (max.ok() && max.value()) {
        PF_CHECK(cgroup::share_of(*max.value(), 0.9) <= *max.value(), "a share above the whole");
        cgroup::bytes_text(*max.value());
    }
    const cgroup::ByteLimit v1 = cgroup::parse_limit_in_bytes(text);
    PF_CHECK(!v1.ok() || !v1.value() || *v1.value() < cgroup::kV1UnlimitedBytes,
             "a sentinel that leaks");
    cgroup::find_value(text, "inactive_file");
}

// memory.events and memory.oom_control, and the headroom that such figures give.
void memory_events(std::string_view text) {
    const cgroup::MemoryEvents events = cgroup::parse_memory_events(text);
    PF_CHECK(!events.oom_kill || text.find("oom_kill ") != std::string_view::npos,
             "a kill out of nothing");
    cgroup::Usage usage;
    usage.memory.events = events;
    usage.memory.usage_bytes = events.max;
    usage.memory.inactive_file_bytes = events.high;
    const auto working_set = usage.memory.working_set_bytes();
    PF_CHECK(!working_set || *working_set <= *usage.memory.usage_bytes, "more than is used");
    usage.memory_levels = {{"a", events.oom.value_or(0), working_set, false}};
    if (const auto near = cgroup::headroom(usage)) {
        PF_CHECK(near->load >= 0, "a load that is no number");
        PF_CHECK(near->left_bytes() <= near->limit_bytes, "more left than there is");
    }
}

// Two readings of one group: the text before the first NUL, and after it.
void cpu_stat(std::string_view text) {
    cgroup::CpuUsage usage;
    cgroup::Throttling throttling;
    cgroup::Throttling::TimePoint now{};
    const std::size_t cut = text.find('\0');
    for (const std::string_view part :
         {text.substr(0, cut), cut == std::string_view::npos ? text : text.substr(cut + 1)}) {
        usage.periods = cgroup::find_value(part, "nr_periods");
        usage.throttled = cgroup::find_value(part, "nr_throttled");
        throttling.add(usage, now += std::chrono::seconds(10));
    }
    PF_CHECK(!throttling.share() || *throttling.share() >= 0, "a negative share");
}

void pressure(std::string_view text) {
    const cgroup::Pressure read = cgroup::parse_pressure(text);
    PF_CHECK(!read.some_avg10 || (*read.some_avg10 >= 0 && *read.some_avg10 <= 100),
             "a share above 100%");
    PF_CHECK(!read.full_seconds || *read.full_seconds >= 0, "negative time");
    const auto processors = cgroup::parse_cpu_list(text);
    PF_CHECK(!processors || *processors >= 1, "a list of no processors");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    using Reader = void (*)(std::string_view);
    constexpr Reader kReaders[] = {mountinfo,    membership, placement,     cpu_max,
                                   memory_files, pressure,   memory_events, cpu_stat};
    const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
    kReaders[data[0] % std::size(kReaders)](text);
    return 0;
}
