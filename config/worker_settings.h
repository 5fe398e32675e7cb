// The parts that the table of a worker's settings is put together from, one file a heading.
//
// Constant data; any thread; never blocks or fails.
#pragma once

#include <span>

#include "config/setting_table.h"

namespace pilotfish::config {

std::span<const SettingRow<WorkerSettings>> what_runs_settings();
std::span<const SettingRow<WorkerSettings>> identity_settings();
std::span<const SettingRow<WorkerSettings>> order_settings();
std::span<const SettingRow<WorkerSettings>> restart_settings();
std::span<const SettingRow<WorkerSettings>> stop_settings();
std::span<const SettingRow<WorkerSettings>> log_settings();
std::span<const SettingRow<WorkerSettings>> budget_settings();
std::span<const SettingRow<WorkerSettings>> change_settings();
std::span<const SettingRow<WorkerSettings>> health_settings();

}  // namespace pilotfish::config
