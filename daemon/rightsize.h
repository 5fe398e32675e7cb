// Which environment variables tell a worker's runtime the size of its container. Pure.
//
// Any thread; plain values that own their text. Never blocks, never fails.
//
// The rules (contract, section 2):
//   - nothing the user set is overwritten, nor anything the user set that the hint would outrank
//     (OMP_NUM_THREADS=1 also rules OpenBLAS: then it gets no hint of ours); to a variable that is
//     a list of flags ours are added in front, so that the user's, read last, win;
//   - processor hints only where a quota lies below the affinity: runtimes follow affinity
//     themselves;
//   - memory hints only where memory is limited, divided among the workers that share it, after the
//     daemon's own reserve;
//   - no runtime's own default is lowered, `safe` multiplies no processes, nothing is frozen that a
//     runtime follows by itself;
//   - `safe` holds variables that every program ignores unless it knows them. A flag that a program
//     may refuse is handed in `all` to a program recognised by its executable, and to one whose
//     name the user gave.
// The variables themselves, one row each, with what they are handed for: daemon/rightsize_row.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/derive.h"
#include "core/limits.h"
#include "daemon/budgets.h"
#include "daemon/own_group.h"
#include "daemon/program.h"

namespace pilotfish::daemon {

enum class RightsizeProfile { none, safe, all };

struct Hint {
    std::string name;
    std::string value;
    std::string reason;
};

// A variable that a user may expect and that is not handed.
struct Omission {
    std::string name;
    std::string reason;
};

struct Rightsizing {
    std::vector<Hint> hints;
    std::vector<Omission> omissions;
    std::string why_nothing;  // of a worker that nothing is considered for
};

struct RightsizeRequest {
    RightsizeProfile profile = RightsizeProfile::safe;
    std::span<const std::string> programs;  // named by the user: "node"; vouched for, flags and all
    const core::Limits* limits = nullptr;   // borrowed for the call. Requires: set
    cgroup::DerivePolicy policy;  // its rounding and its memory share; maxprocs is ours alone

    // Of daemon/budgets.h:
    std::optional<double> worker_cpus;                 // the worker's CPU setting
    std::optional<std::uint64_t> worker_memory_bytes;  // its MEMORY setting
    std::optional<MemoryPart> soft;   // what it should stay below; nullopt: nothing limits it
    std::optional<MemoryPart> whole;  // what it may use at all
    int memory_workers = 1;           // how many workers share the memory, this one included
    // False where it has no group, or is no process.
    OwnGroup own_group;

    std::span<const std::string> environment;  // what the worker gets anyway: "NAME=value"
    Program program;                           // recognise(its executable)
};

Rightsizing rightsize(const RightsizeRequest& request);

}  // namespace pilotfish::daemon
