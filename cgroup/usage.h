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
#include <vector>

#include "cgroup/file_source.h"
#include "cgroup/finder.h"
#include "core/limits.h"

namespace pilotfish::cgroup {

// Of the group that owns the CPU limit, where there is one: the kernel counts throttling only
// there.
struct CpuUsage {
    std::optional<std::uint64_t> periods;    // nr_periods
    std::optional<std::uint64_t> throttled;  // nr_throttled
    std::optional<double> throttled_seconds;
    std::optional<std::uint64_t> bursts;  // nr_bursts: periods that ran on what earlier ones saved
    std::optional<double> burst_seconds;
    std::optional<double> used_seconds;  // of the own group
};

// How often the kernel did each of these to the group, its descendants included (v1: the group
// alone). Only oom_kill tells that somebody died: where a pod and its container have the same
// limit, `oom` counts at the pod and never reaches the container (containerd#6323).
struct MemoryEvents {
    std::optional<std::uint64_t> low;             // reclaimed although below memory.low
    std::optional<std::uint64_t> high;            // throttled for being above memory.high
    std::optional<std::uint64_t> max;             // the limit was hit; of v1 memory.failcnt
    std::optional<std::uint64_t> oom;             // hitting it could not be helped by reclaim
    std::optional<std::uint64_t> oom_kill;        // processes killed, by whatever OOM killer
    std::optional<std::uint64_t> oom_group_kill;  // times a whole group was (memory.oom.group)
};
// memory.events, or v1's memory.oom_control.
MemoryEvents parse_memory_events(std::string_view text);

struct MemoryUsage {
    std::optional<std::uint64_t> usage_bytes;
    std::optional<std::uint64_t> inactive_file_bytes;  // page cache the kernel would give up first
    std::optional<std::uint64_t> active_file_bytes;    // page cache it would give up next
    std::optional<std::uint64_t> peak_bytes;           // since the group was made
    std::optional<std::uint64_t> swap_bytes;
    MemoryEvents events;
    // usage - inactive_file, at least 0: what kubelet evicts by.
    std::optional<std::uint64_t> working_set_bytes() const;
    // usage less all page cache, at least 0: what no reclaim helps against, but for swap.
    std::optional<std::uint64_t> firm_bytes() const;
};

// What is used at a level that has a limit or a memory.high: the own group or an ancestor, whose
// other members use memory too.
struct MemoryLevelUsage {
    std::string source;  // the file that says the limit
    std::optional<std::uint64_t> limit_bytes;
    std::optional<std::uint64_t> working_set_bytes;
    // The level itself is hidden, and this is what our own group uses of it: the least it can be.
    bool is_own_share = false;
    std::optional<std::uint64_t> high_bytes{};  // memory.high; nullopt: none
    std::optional<std::uint64_t> firm_bytes{};  // as MemoryUsage has it
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
    MemoryUsage memory;                           // of the own group
    std::vector<MemoryLevelUsage> memory_levels;  // own group first: see cgroup/headroom.h
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
    // Only what tells of throttling (used_seconds is not there), read now: a microsecond.
    CpuUsage read_throttling();
    // The limits changed: another group may own them now, or the process was moved.
    void resolve(const core::Limits& limits);

  private:
    struct File {
        std::string path;
        UniqueFd fd;
        bool looked = false;  // an absent file is not looked for on every reading
    };
    // Of one group; of an ancestor only what headroom needs.
    struct MemoryFileSet {
        File usage, stat, peak, swap, events, failcnt;
    };
    // A level with a limit. Without files of its own it shows what the own group uses.
    struct LimitedLevel {
        MemoryLevelUsage shown;
        bool is_own = false;
        MemoryFileSet files;
    };
    void own_by(const core::Limits& limits);
    void find_files();
    void find_cpu_files(const Tables& tables);
    void find_memory_files(const Tables& tables);
    bool read_file(File& file);
    std::optional<std::uint64_t> read_number(File& file);
    Usage read_now();
    CpuUsage read_throttle_file();
    CpuUsage read_cpu();
    MemoryUsage read_memory(MemoryFileSet& set);
    Pressure read_pressure(File& file);

    const FileSource* source_;
    std::chrono::milliseconds max_age_;
    std::mutex mutex_;
    std::string scratch_;
    int cpu_version_ = 0;
    int memory_version_ = 0;
    bool group_removed_ = false;
    bool found_ = false;      // the files below are those of the present groups
    std::string cpu_source_;  // of the Limits: which group owns which limit
    core::MemoryLimit memory_limit_;
    File throttle_, cpu_used_;
    MemoryFileSet own_;
    std::vector<LimitedLevel> levels_;
    File cpu_pressure_, memory_pressure_, io_pressure_;
    std::optional<TimePoint> read_at_;
    Usage last_;
};

}  // namespace pilotfish::cgroup
