// The JSON of the admin plane, shared with the command line: what `pilotfish limits --json` prints
// is what GET /v1/limits answers, to the byte. Key order is fixed. Every text ends with a newline.
//
// Any thread. Pure functions of plain values. Never block, never fail (bytes that are not UTF-8
// become U+FFFD).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/sources.h"

namespace pilotfish::http {

std::string render_limits(const core::Limits& limits, const core::DerivedLimits& derived);
std::string render_runtime(const RuntimeView& runtime, const BuildView& build,
                           const core::DerivedLimits& derived, const UsageView& usage);
std::string render_worker(const WorkerView& worker);
std::string render_workers(const std::vector<WorkerView>& workers);
// {"settings":[{"name","worker","value","source","default"}]}, as pilotfish check --json has them.
std::string render_configuration(const std::vector<SettingView>& settings);

// reached: whether all of them have come to where they were asked to.
std::string render_control(bool reached, const std::vector<WorkerView>& workers);

// application/problem+json (RFC 9457): title is the status' own phrase.
std::string render_problem(int status, std::string_view detail);

}  // namespace pilotfish::http
