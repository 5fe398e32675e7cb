// What the container allows, as plain values: filled by cgroup/, decided upon by daemon/, shown by
// http/. Sizes in bytes, processors as a fraction of whole ones (1.5).
//
// Plain values: as thread-safe as int; own their text; nothing here blocks or fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pilotfish::core {

// unknown: something was there and could not be read or trusted; it must never be taken for
// unlimited. Limits::warnings says what it was.
enum class LimitState { limited, unlimited, unknown };

// One cgroup directory on the way from the own group up to the highest visible ancestor.
struct CpuLevel {
    bool operator==(const CpuLevel&) const = default;

    std::string source;          // the file that was read, as this process names it
    std::optional<double> cpus;  // quota / period; nullopt: no quota at this level
    bool trusted = true;         // false: something was there and could not be read or trusted
};

struct CpuLimit {
    bool operator==(const CpuLimit&) const = default;

    LimitState state = LimitState::unlimited;
    std::optional<double> cpus;  // the least over all levels; set when limited
    int version = 0;             // cgroup version of the cpu controller: 1, 2; 0: none found
    std::string source;          // the file that decided; empty unless limited
    int affinity = 1;            // processors this process may run on (sched_getaffinity)
    int online = 1;              // processors of the machine that are online
    // The highest visible group is not the root of the hierarchy: a limit above it would not show.
    bool ancestors_hidden = false;
    std::vector<CpuLevel> levels;  // own group first
};

struct MemoryLevel {
    bool operator==(const MemoryLevel&) const = default;

    std::string source;                       // the max file of this level
    std::optional<std::uint64_t> max_bytes;   // nullopt: no limit at this level
    std::optional<std::uint64_t> high_bytes;  // memory.high (v2 only); nullopt: none
    bool trusted = true;                      // as CpuLevel::trusted
    bool is_hidden = false;  // the least of ancestors that are not shown; source tells of them
};

struct MemoryLimit {
    bool operator==(const MemoryLimit&) const = default;

    LimitState state = LimitState::unlimited;
    std::optional<std::uint64_t> limit_bytes;  // the least max over all levels; set when limited
    int version = 0;
    std::string source;
    std::optional<std::uint64_t> high_bytes;   // the least memory.high over all levels
    std::optional<std::uint64_t> total_bytes;  // MemTotal of the machine, where it could be read
    std::optional<std::uint64_t> rlimit_as_bytes;  // RLIMIT_AS: reported, never applied
    bool ancestors_hidden = false;                 // as CpuLimit::ancestors_hidden
    std::vector<MemoryLevel> levels;               // own group first
};

struct Limits {
    bool operator==(const Limits&) const = default;

    CpuLimit cpu;
    MemoryLimit memory;
    std::vector<std::string> warnings;  // one sentence each
};

// What pilotfish makes of them, by the settings (cgroup/derive.h has the rules).
struct DerivedLimits {
    int maxprocs = 1;
    std::string maxprocs_reason;  // "1.5 CPUs of /sys/fs/cgroup/cpu.max, rounded up"
    std::optional<std::uint64_t> soft_limit_bytes;  // nullopt: no soft limit
    std::string soft_limit_reason;
};

}  // namespace pilotfish::core
