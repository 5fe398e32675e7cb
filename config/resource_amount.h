// What a worker may use, as people write it: amounts that may be shares of the container's,
// weights, limits of a process, and what is to happen to it when the container changes.
//
// Any thread; plain values and functions over borrowed text. Never block. Parsing fails by false
// with half a sentence in `why`, as in config/quantity.h; the value is then as it was.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/quantity.h"
#include "config/signal_name.h"

namespace pilotfish::config {

// Processors: "1.5", "1500m", or "50%" of what the container has.
struct CpuAmount {
    bool is_share = false;
    double cpus = 0;   // not a share: more than 0, at most 4096
    double share = 0;  // a share: more than 0, at most 1
    bool operator==(const CpuAmount&) const = default;
};
bool parse_cpu_amount(std::string_view text, CpuAmount& value, std::string& why);
std::string format_cpu_amount(const CpuAmount& value);

// Memory: "512Mi", or "25%" of what the container has. Never nothing.
struct MemoryAmount {
    bool is_share = false;
    Bytes size;
    double share = 0;
    bool operator==(const MemoryAmount&) const = default;
};
bool parse_memory_amount(std::string_view text, MemoryAmount& value, std::string& why);
std::string format_memory_amount(const MemoryAmount& value);

// "90%" or "87.5%" as a share of one: more than 0, at most 1. Requires: text ends with %.
bool parse_share(std::string_view text, double& share, std::string& why);
std::string format_share(double share);

// A part among others' parts: 1 to 10000, as cgroup v2's cpu.weight, where 100 is everybody's.
struct Weight {
    int count = 100;
    bool operator==(const Weight&) const = default;
};

// How soon the kernel's OOM killer takes it: -1000 (never) to 1000 (first).
struct OomScore {
    int adjustment = 0;
    bool operator==(const OomScore&) const = default;
};

// At most this many of something, at least 1.
struct Count {
    std::int64_t most = 0;
    bool operator==(const Count&) const = default;
};

// One of setrlimit(2)'s: "1024", "1024:4096" (soft and hard), "unlimited"; those that count bytes
// take sizes.
struct ResourceLimit {
    std::string name;  // "NOFILE"
    int resource = 0;  // RLIMIT_NOFILE
    // nullopt: unlimited.
    std::optional<std::uint64_t> soft;
    std::optional<std::uint64_t> hard;  // not below soft
    bool operator==(const ResourceLimit&) const = default;
};
bool parse_resource_limit(std::string_view name, std::string_view text, ResourceLimit& value,
                          std::string& why);
std::string format_resource_limit(const ResourceLimit& value);

// What is done to a worker because of something that is not its own doing.
struct Reaction {
    enum class Kind : std::uint8_t { none, signal, restart };
    Kind kind = Kind::none;
    Signal signal;  // of Kind::signal
    bool operator==(const Reaction&) const = default;
};
bool parse_reaction(std::string_view text, Reaction& value, std::string& why);
std::string format_reaction(const Reaction& value);

}  // namespace pilotfish::config
