// The time zone of a schedule, from the image's zone files: TZDIR, else /usr/share/zoneinfo.
//
// Any thread, as long as nobody changes environ. Blocks as the file system does. Fails: a sentence
// with the path. A name of UTC needs no file.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"
#include "config/time_zone.h"
#include "core/result.h"

namespace pilotfish::daemon {

// "Europe/Berlin".
core::Result<config::TimeZone> read_zone(const std::string& name);
// As a TZ variable says it: a name, a path, either after a colon, or a rule. Empty: UTC.
core::Result<config::TimeZone> zone_of_variable(const std::string& value);

// The zone a worker's schedule goes by: its CRON_TZ, else our TZ. Where our TZ cannot be had it is
// UTC, as libc has it for every other program of the image.
core::Result<config::TimeZone> zone_of(const config::Schedule& schedule);

// What stands in the way of schedules: in errors, that a CRON_TZ cannot be had; in
// configuration.warnings, that our TZ cannot.
void check_zones(config::Configuration& configuration, std::vector<std::string>& errors);

}  // namespace pilotfish::daemon
