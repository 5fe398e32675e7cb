// What pilotfish makes of the limits: a number of scheduler processors and a soft memory limit,
// each with its reason in words. Pure.
//
// Any thread; plain values. Never blocks, never fails: an unknown limit gives what the machine
// allows, and the reason says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/limits.h"

namespace pilotfish::cgroup {

enum class Rounding { ceil, floor, round };

struct DerivePolicy {
    // PILOTFISH_MAXPROCS: nullopt is "auto"; a number is still never above the affinity.
    std::optional<int> maxprocs;
    Rounding rounding = Rounding::ceil;  // PILOTFISH_MAXPROCS_ROUNDING
    int maxprocs_min = 1;                // PILOTFISH_MAXPROCS_MIN: of "auto"

    enum class Memory { share, size, off };  // PILOTFISH_MEMLIMIT
    Memory memory = Memory::share;
    // Of the container's limit. 90%: the headroom that Go's GOMEMLIMIT guide advises (5-10%).
    double memory_share = 0.9;
    std::uint64_t memory_size_bytes = 0;
};

core::DerivedLimits derive(const core::Limits& limits, const DerivePolicy& policy);

// Whole processors for a quota: rounded, at least `least`, never above the affinity, at least 1.
int round_cpus(double cpus, Rounding rounding, int least, int affinity);

// A share between 0 and 1 of a size; exact: the whole of it is that size.
std::uint64_t share_of(std::uint64_t bytes, double share);

// The least, over all levels below the machine's memory, of share * max and of memory.high itself;
// nullopt when nothing limits.
struct SoftLimit {
    std::uint64_t bytes = 0;
    std::string source;          // the file that decided
    bool is_high = false;        // decided by memory.high
    std::uint64_t of_bytes = 0;  // the max or high it comes from
};
std::optional<SoftLimit> soft_limit(const core::MemoryLimit& memory, double share);

// "1.5", "2", "0.25": at most three decimals, no trailing zeros.
std::string cpus_text(double cpus);
// "1.5 CPUs", "1 CPU".
std::string cpus_words(double cpus);
// "256 MiB", "1.5 GiB", "4095 bytes".
std::string bytes_text(std::uint64_t bytes);

}  // namespace pilotfish::cgroup
