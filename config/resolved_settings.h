// The configuration as people see it: every setting by its name, as text, with who decided it.
//
// Any thread, never blocks, never fails; the result owns its text. Secrets and the values of ENV_
// variables are never in it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/load.h"

namespace pilotfish::config {

// A setting as `check` and /v1/config show it.
struct ResolvedSetting {
    std::string variable = {};  // "PILOTFISH_WORKER_WEB_RESTART"
    std::string value = {};     // "" when unset; of a secret only that it is set
    std::string source =
        {};  // the variable's name, the file's path, "command line", "mode" or "default"
    bool is_default = true;
    std::string worker = {};            // "web"; empty: a setting of the daemon
    std::string_view unset_words = {};  // what an unset value means: "the daemon's own"
};

// Every setting of every worker, in the order of the tables, the global ones first.
std::vector<ResolvedSetting> resolved_settings(const Configuration& configuration);

}  // namespace pilotfish::config
