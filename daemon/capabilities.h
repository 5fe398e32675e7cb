// What this process may do beyond its user, and what of it a child is to keep.
//
// Any thread; plain functions. Owns nothing, never blocks. Fails: choose_capabilities() by a
// sentence that names what we have not.
#pragma once

#include "config/capability_set.h"
#include "core/result.h"

namespace pilotfish::daemon {

using config::CapabilityMask;

// The permitted set of the calling thread.
CapabilityMask own_capabilities() noexcept;

// The exact set of a worker. What the daemon has not, nobody can be given.
core::Result<CapabilityMask> choose_capabilities(const config::CapabilityChoice& choice,
                                                 CapabilityMask ours);

}  // namespace pilotfish::daemon
