// What the container uses and suffers, as the admin plane shows it.
//
// Pure; any thread. Never blocks, never fails: what is not known is left out.
#pragma once

#include "cgroup/usage.h"
#include "daemon/container_strain.h"
#include "http/sources.h"

namespace pilotfish::daemon {

// kills_below: OOM kills in groups of workers that the container's own count misses (v1).
http::UsageView usage_view(const cgroup::Usage& usage, const ContainerStrain::Figures& strain,
                           std::uint64_t kills_below);

}  // namespace pilotfish::daemon
