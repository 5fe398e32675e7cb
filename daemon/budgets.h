// Who may use how much of the container: the daemon's reserve, what each worker claims by CPU and
// MEMORY, and how the memory that nobody claims is divided. Pure.
//
//   basis     the container's limit; the machine's processors (affinity) or memory where there is
//             none
//   claim     an absolute amount, or a share of the basis; never more than the basis
//   rest      the soft limit, less the daemon's reserve, less the soft part of every claim; divided
//             by MEMORY_WEIGHT among the workers without MEMORY
//   hosted    a plugin's memory is the daemon's own heap: it gets its part of the rest like any
//             worker, and that part is added to the daemon's heap budget
//   CPU       is shared by its nature: a worker without CPU may use the whole container
//
// Any thread; plain values that own their text. Never blocks, never fails: what cannot be told is
// nullopt, and what does not fit is a warning, which says what to change.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"
#include "core/limits.h"

namespace pilotfish::daemon {

// What the daemon keeps for itself: twice its budget of 4 MB (targets, "Supervisor").
inline constexpr std::uint64_t kDaemonReserveBytes = 8u << 20;

// A part of the memory, and what it is a part of.
struct MemoryPart {
    std::uint64_t bytes = 0;
    std::string words;  // "90% of 256 MiB of /sys/fs/cgroup/memory.max, less 8 MiB for pilotfish"
    bool operator==(const MemoryPart&) const = default;
};

struct WorkerBudget {
    std::string worker;
    bool is_hosted = false;
    // Its settings in figures: what a child group caps it at. nullopt: not set, or a share of what
    // nobody knows.
    std::optional<double> cpus;
    std::optional<std::uint64_t> memory_bytes;
    std::optional<std::uint64_t> memory_high_bytes;
    // What its runtime should stay below, and what it may use at all, divided by the same rules of
    // the whole limit: the bases of its hints. nullopt: nothing limits it, or nothing is left.
    std::optional<MemoryPart> soft;
    std::optional<MemoryPart> whole;
};

struct Budgets {
    std::vector<WorkerBudget> workers;             // in the configuration's order
    std::optional<std::uint64_t> soft_bytes;       // what is divided: the container's soft limit
    std::optional<std::uint64_t> unclaimed_bytes;  // of it, to be divided by weight
    // For the daemon's own heap, hosted tasks included: the soft limit less what the workers that
    // are processes have of it, never less than the reserve. nullopt: no soft limit.
    std::optional<std::uint64_t> heap_bytes;
    std::vector<std::string> warnings;  // a sentence each

    // nullptr: there is none of that name.
    const WorkerBudget* find(std::string_view worker) const;
};

Budgets make_budgets(const config::Configuration& configuration, const core::Limits& limits);

// The amount of a setting in processors: of the container's limit or, without one, of the affinity;
// never more than that.
double cpus_of(const config::CpuAmount& amount, const core::CpuLimit& cpu);
// The amount in bytes: of the container's limit or, without one, of the machine's memory; never
// more than that. nullopt: a share, and neither is known.
std::optional<std::uint64_t> bytes_of(const config::MemoryAmount& amount,
                                      const core::MemoryLimit& memory);

}  // namespace pilotfish::daemon
