// Which environment variables tell a worker's runtime the size of its container. Pure.
//
// Any thread; plain values that own their text. Never blocks, never fails.
//
// The rules (contract, section 2):
//   - nothing the user set is overwritten, nor anything the user set that the hint would outrank
//     (OMP_NUM_THREADS=1 also rules OpenBLAS: then it gets no hint of ours);
//   - processor hints only where a quota lies below the affinity: runtimes follow affinity
//   themselves;
//   - memory hints only where memory is limited, divided among the workers that share it, after the
//     daemon's own reserve;
//   - no runtime's own default is lowered, no processes are multiplied, nothing is frozen that a
//     runtime follows by itself.
// `safe` holds variables that every program ignores unless it knows them, and none that can stop a
// program from starting (NODE_OPTIONS, JAVA_TOOL_OPTIONS, GHCRTS).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cgroup/derive.h"
#include "core/limits.h"
#include "daemon/go_version.h"

namespace pilotfish::daemon {

enum class RightsizeProfile { none, safe };

struct Hint {
    std::string name;
    std::string value;
    std::string reason;
};

struct RightsizeRequest {
    RightsizeProfile profile = RightsizeProfile::safe;
    const core::Limits* limits = nullptr;  // borrowed for the call. Requires: set
    cgroup::DerivePolicy policy;  // its rounding and its memory share; maxprocs is ours alone

    int memory_workers = 1;  // how many workers share the memory, this one included
    // What the daemon keeps for itself: twice its budget of 4 MB (targets, "Supervisor").
    std::uint64_t daemon_reserve_bytes = 8u << 20;

    std::optional<double> worker_cpus;                 // the worker's CPU setting
    std::optional<std::uint64_t> worker_memory_bytes;  // its MEMORY setting: not divided

    std::span<const std::string> environment;  // what the worker gets anyway: "NAME=value"
    std::optional<GoVersion> go;               // go_version_of(its executable)
};

std::vector<Hint> rightsize(const RightsizeRequest& request);

}  // namespace pilotfish::daemon
