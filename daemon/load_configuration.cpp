#include "daemon/load_configuration.h"

#include <unistd.h>

#include "config/setting_table.h"
#include "daemon/plugin_file.h"
#include "daemon/zone_file.h"

namespace pilotfish::daemon {

core::Result<config::Configuration> load_configuration(const config::Invocation& invocation) {
    auto configuration = config::load(environ, invocation);
    if (!configuration) return configuration;
    std::vector<std::string> no_zones;
    check_zones(*configuration, no_zones);
    if (!no_zones.empty()) return core::Error{no_zones.front()};
    for (const config::WorkerConfiguration& worker : configuration->workers) {
        if (worker.settings.plugin.empty() || why_no_plugins().empty()) continue;
        return core::Error{"cannot use " + config::worker_variable_prefix(worker.settings.name) +
                           "PLUGIN: " + why_no_plugins()};
    }
    return configuration;
}

}  // namespace pilotfish::daemon
