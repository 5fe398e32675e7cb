// What a child group is given, and the files and words by which each cgroup version takes it.
//
// Plain values and pure functions: any thread, own their text, nothing blocks. Sizes in bytes,
// processors as a fraction of whole ones (0.5). Fails: never; what a version has no file for is
// left out, and has_counterpart() says so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pilotfish::cgroup {

struct GroupLimits {
    std::optional<double> cpus = {};     // > 0
    std::optional<int> cpu_weight = {};  // 1..10000; the kernel gives 100
    std::optional<std::uint64_t> memory_bytes = {};
    std::optional<std::uint64_t> memory_high_bytes = {};
    std::optional<std::int64_t> pids = {};  // processes and threads

    bool any() const { return *this != GroupLimits{}; }
    bool operator==(const GroupLimits&) const = default;
};

struct GroupValue {
    std::string controller;  // "cpu"
    std::string file;        // "cpu.max"
    std::string text;        // as it is written
};

// The values of one controller, in the order they must be written.
std::vector<GroupValue> values_for(const GroupLimits& limits, std::string_view controller,
                                   int version);

// The controllers these limits need: some of "cpu", "memory", "pids".
std::vector<std::string> controllers_for(const GroupLimits& limits);

// memory.high has no counterpart on v1: soft_limit_in_bytes protects a group from the reclaim of
// others and slows nobody down.
bool has_counterpart(const GroupLimits& limits, int memory_version);

// Is that what the kernel says when it took the value? It rounds sizes down to whole pages.
bool is_answer_to(const GroupValue& written, std::string_view read);

}  // namespace pilotfish::cgroup
