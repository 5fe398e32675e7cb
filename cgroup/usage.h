// How much of the limits is used, and how it hurts: throttling, memory, OOM kills, pressure. The
// one reader of these statistics: many readers at once contend on the kernel's rstat lock
// (cadvisor#3932), so everybody asks here and gets an answer at most `max_age` old.
//
// Any thread (one lock). Owns its descriptors; the FileSource outlives it. Blocks as cgroupfs does
// (about 20 us a reading; memory.stat is the dearest). Never fails: what is not there is nullopt.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "cgroup/file_source.h"
#include "core/limits.h"

namespace pilotfish::cgroup {

// Of the group that owns the CPU limit, where there is one: the kernel counts throttling only
// there.
struct CpuUsage {
    std::optional<std::uint64_t> periods;    // nr_periods
    std::optional<std::uint64_t> throttled;  // nr_throttled
    std::optional<double> throttled_seconds;
    std::optional<double> used_seconds;  // of the own group
};

struct MemoryUsage {
    std::optional<std::uint64_t> usage_bytes;
    std::optional<std::uint64_t> inactive_file_bytes;  // page cache the kernel would give up first
    std::optional<std::uint64_t> peak_bytes;
    std::optional<std::uint64_t> oom_kills;
    // usage - inactive_file, at least 0: what kubelet evicts by.
    std::optional<std::uint64_t> working_set_bytes() const;
};

// "some": at least one task waited; "full": all of them did. v1 has none for a group.
struct Pressure {
    std::optional<double> some_avg10;  // percent
    std::optional<double> full_avg10;
    std::optional<double> some_seconds;  // since the group was made
    std::optional<double> full_seconds;
};
Pressure parse_pressure(std::string_view text);

struct Usage {
    CpuUsage cpu;
    MemoryUsage memory;  // of the own group
    MemoryUsage
        memory_owner;  // of the group that owns the memory limit: headroom is measured there
    Pressure cpu_pressure;
    Pressure memory_pressure;
    Pressure io_pressure;
};

class UsageReader {
  public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // Opens nothing before the first reading: a start is not the time to pay for statistics.
    UsageReader(const FileSource& source, const core::Limits& limits,
                std::chrono::milliseconds max_age = std::chrono::milliseconds(250));

    // A reading at most max_age old.
    Usage read(TimePoint now);
    // The limits changed: another group may own them now, or the process was moved.
    void resolve(const core::Limits& limits);

  private:
    struct File {
        std::string path;
        UniqueFd fd;
        bool looked = false;  // an absent file is not looked for on every reading
    };
    struct MemoryFileSet {
        File usage, stat, peak, oom;
    };
    void own_by(const core::Limits& limits);
    void find_files();
    void aim_memory(MemoryFileSet& set, const std::string& directory);
    bool read_file(File& file);
    Usage read_now();
    CpuUsage read_cpu();
    MemoryUsage read_memory(MemoryFileSet& set);
    Pressure read_pressure(File& file);

    const FileSource* source_;
    std::chrono::milliseconds max_age_;
    std::mutex mutex_;
    std::string scratch_;
    int cpu_version_ = 0;
    int memory_version_ = 0;
    bool owner_is_own_ = true;
    bool group_removed_ = false;
    bool found_ = false;      // the files below are those of the present groups
    std::string cpu_source_;  // of the Limits: which group owns which limit
    std::string memory_source_;
    File throttle_, cpu_used_;
    MemoryFileSet own_, owner_;
    File cpu_pressure_, memory_pressure_, io_pressure_;
    std::optional<TimePoint> read_at_;
    Usage last_;
};

}  // namespace pilotfish::cgroup
