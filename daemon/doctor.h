// The production checklist of this container: what is set up well, what is doubtful, what is wrong,
// each with the one line that mends it.
//
// Pure functions of what was seen, so any thread; own their text; never block, never fail.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "core/limits.h"
#include "core/result.h"
#include "daemon/container_facts.h"
#include "http/finding.h"

namespace pilotfish::daemon {

struct Patient {
    const core::Result<config::Configuration>& configuration;
    const core::Limits& limits;
    const core::DerivedLimits& derived;
    const ContainerFacts& facts;
};
std::vector<http::Finding> examine(const Patient& patient);

// Which diagnostics work here, by which way, and what to change for the others.
std::vector<http::Finding> diagnostics_here(const ContainerFacts& facts);

// A table for people; colour: for a terminal.
std::string findings_text(const std::vector<http::Finding>& findings, bool colour);
// 0: nothing failed; 1: something did.
int exit_code(const std::vector<http::Finding>& findings);

}  // namespace pilotfish::daemon
