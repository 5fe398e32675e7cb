// The text of `pilotfish limits`: which file, which level, which rule, and what it means.
//
// Any thread; pure. Plain text of at most 100 columns where paths allow; colours (ANSI) only when
// asked for.
#pragma once

#include <string>

#include "core/limits.h"

namespace pilotfish::cgroup {

std::string explain(const core::Limits& limits, const core::DerivedLimits& derived, bool colour);

}  // namespace pilotfish::cgroup
