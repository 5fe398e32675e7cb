#include "cgroup/derive.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "cgroup/limit_file.h"

namespace pilotfish::cgroup {
namespace {

const char* rounded_words(Rounding rounding) {
    switch (rounding) {
        case Rounding::ceil: return "rounded up";
        case Rounding::floor: return "rounded down";
        case Rounding::round: return "rounded to the nearest";
    }
    return "";
}

std::string plural(int count, const char* noun) {
    return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string percent_text(double share) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4g%%", share * 100);
    return text;
}

void derive_maxprocs(const core::CpuLimit& cpu, const DerivePolicy& policy,
                     core::DerivedLimits& derived) {
    const int affinity = std::max(cpu.affinity, 1);
    std::string& reason = derived.maxprocs_reason;
    const auto capped = [&](int wanted) {
        if (wanted <= affinity) return wanted;
        reason += ", but only " + plural(affinity, "processor") + " may be used (affinity)";
        return affinity;
    };
    if (policy.maxprocs) {
        reason = "set to " + std::to_string(*policy.maxprocs);
        derived.maxprocs = capped(std::max(*policy.maxprocs, 1));
        return;
    }
    if (cpu.state == core::LimitState::limited && cpu.cpus) {
        const int rounded = round_cpus(*cpu.cpus, policy.rounding, 1, INT32_MAX);
        reason = cpus_text(*cpu.cpus) + (*cpu.cpus == 1 ? " CPU of " : " CPUs of ") + cpu.source;
        if (rounded != *cpu.cpus) reason += std::string(", ") + rounded_words(policy.rounding);
        if (rounded < policy.maxprocs_min)
            reason += ", raised to the minimum of " + std::to_string(policy.maxprocs_min);
        derived.maxprocs = capped(std::max(rounded, policy.maxprocs_min));
        return;
    }
    derived.maxprocs = affinity;
    reason =
        cpu.state == core::LimitState::unknown
            ? "the CPU limit is unknown: all " + plural(affinity, "processor") +
                  " that may be used (affinity)"
            : "no CPU limit: all " + plural(affinity, "processor") + " that may be used (affinity)";
}

void derive_soft_limit(const core::MemoryLimit& memory, const DerivePolicy& policy,
                       core::DerivedLimits& derived) {
    std::string& reason = derived.soft_limit_reason;
    if (policy.memory == DerivePolicy::Memory::off) {
        reason = "switched off";
        return;
    }
    if (policy.memory == DerivePolicy::Memory::size) {
        derived.soft_limit_bytes = policy.memory_size_bytes;
        reason = "set to " + bytes_text(policy.memory_size_bytes);
        if (memory.limit_bytes && policy.memory_size_bytes >= *memory.limit_bytes)
            reason +=
                ", which is not below the container's limit of " + bytes_text(*memory.limit_bytes);
        return;
    }
    const auto soft = soft_limit(memory, policy.memory_share);
    if (!soft) {
        reason = memory.state == core::LimitState::unknown ? "the memory limit is unknown"
                                                           : "no memory limit";
        return;
    }
    derived.soft_limit_bytes = soft->bytes;
    reason = soft->is_high ? "memory.high beside " + soft->source
                           : percent_text(policy.memory_share) + " of " +
                                 bytes_text(soft->of_bytes) + " of " + soft->source;
}

}  // namespace

// Parts per million: integers are exact where a double of a large size would not be.
std::uint64_t share_of(std::uint64_t bytes, double share) {
    constexpr std::uint64_t kWhole = 1000000;
    const auto parts =
        static_cast<std::uint64_t>(std::llround(std::clamp(share, 0.0, 1.0) * double{kWhole}));
    return bytes / kWhole * parts + bytes % kWhole * parts / kWhole;
}

int round_cpus(double cpus, Rounding rounding, int least, int affinity) {
    double whole = cpus;
    switch (rounding) {
        case Rounding::ceil: whole = std::ceil(cpus); break;
        case Rounding::floor: whole = std::floor(cpus); break;
        case Rounding::round: whole = std::round(cpus); break;
    }
    const int most = std::max(affinity, 1);
    if (!(whole >= 1)) whole = 1;
    const int rounded = whole >= double{INT32_MAX} ? INT32_MAX : static_cast<int>(whole);
    return std::min(std::max({rounded, least, 1}), most);
}

std::optional<SoftLimit> soft_limit(const core::MemoryLimit& memory, double share) {
    std::optional<SoftLimit> least;
    const auto below_machine = [&](std::optional<std::uint64_t> bytes) {
        return bytes && (!memory.total_bytes || *bytes < *memory.total_bytes) &&
               *bytes < std::uint64_t{1} << 62;
    };
    const auto offer = [&](SoftLimit candidate) {
        if (!least || candidate.bytes < least->bytes) least = std::move(candidate);
    };
    for (const core::MemoryLevel& level : memory.levels) {
        if (below_machine(level.max_bytes))
            offer({share_of(*level.max_bytes, share), level.source, false, *level.max_bytes});
        if (below_machine(level.high_bytes))
            offer({*level.high_bytes, level.source, true, *level.high_bytes});
    }
    return least;
}

core::DerivedLimits derive(const core::Limits& limits, const DerivePolicy& policy) {
    core::DerivedLimits derived;
    derive_maxprocs(limits.cpu, policy, derived);
    derive_soft_limit(limits.memory, policy, derived);
    derived.maxprocs_reason = printable(derived.maxprocs_reason);
    derived.soft_limit_reason = printable(derived.soft_limit_reason);
    return derived;
}

std::string cpus_text(double cpus) {
    char text[48];
    std::snprintf(text, sizeof text, cpus < 0.001 ? "%.3g" : "%.3f", cpus);
    std::string shown = text;
    if (shown.find('.') != std::string::npos && shown.find('e') == std::string::npos) {
        shown.erase(shown.find_last_not_of('0') + 1);
        if (shown.back() == '.') shown.pop_back();
    }
    return shown;
}

std::string cpus_words(double cpus) { return cpus_text(cpus) + (cpus == 1 ? " CPU" : " CPUs"); }

std::string bytes_text(std::uint64_t bytes) {
    constexpr const char* kUnits[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 10240) return std::to_string(bytes) + " bytes";
    int unit = 0;
    double value = static_cast<double>(bytes);
    while (value >= 1024 && unit < 6) {
        value /= 1024;
        ++unit;
    }
    char text[48];
    std::snprintf(text, sizeof text, value == std::floor(value) ? "%.0f %s" : "%.1f %s", value,
                  kUnits[unit]);
    return text;
}

}  // namespace pilotfish::cgroup
