// Finds the setting a name belongs to, and what to say of a name that belongs to none.
//
// Any thread, never blocks, never fails.
#pragma once

#include <string>
#include <string_view>

#include "config/load.h"
#include "config/setting_table.h"

namespace pilotfish::config {

// Ends the sentence of a name that belongs to nothing.
inline constexpr std::string_view kIgnoreUnknown =
    " (PILOTFISH_STRICT=false ignores unknown names)";

// The setting of a worker that rest ("RESTART", "ENV_PATH") names, or nullptr.
const SettingRow<WorkerSettings>* find_worker_setting(std::string_view rest);

// Why the variable PILOTFISH_... cannot be used, with the nearest known name or the mend.
std::string explain_unknown(std::string_view variable, const Configuration& configuration);

}  // namespace pilotfish::config
