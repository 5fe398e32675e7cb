#include "config/resolved_settings.h"

#include <algorithm>

#include "config/setting_table.h"

namespace pilotfish::config {
namespace {

std::string source_of(Origin origin, const std::string& variable, const std::string& file) {
    switch (origin) {
        case Origin::default_value: return "default";
        case Origin::environment: return variable;
        case Origin::command_line: return "command line";
        case Origin::mode: return "mode";
        case Origin::file: return file;
    }
    return {};
}

template <class Owner>
ResolvedSetting resolve(const SettingRow<Owner>& row, const Owner& owner, Origin origin,
                        const std::string& prefix, const std::string& worker,
                        const std::string& file) {
    const std::string variable = prefix + std::string(row.name);
    const bool is_default = origin == Origin::default_value || origin == Origin::mode;
    ResolvedSetting resolved{.variable = variable,
                             .value = row.show(owner),
                             .source = source_of(origin, variable, file),
                             .is_default = is_default,
                             .worker = worker};
    if (resolved.value.empty()) resolved.unset_words = row.default_words;
    return resolved;
}

}  // namespace

std::vector<ResolvedSetting> resolved_settings(const Configuration& configuration) {
    const auto rows = global_settings();
    const auto worker_rows = worker_settings();
    const std::string& file = configuration.settings.config_file;
    std::vector<ResolvedSetting> result;
    result.reserve(rows.size() + configuration.workers.size() * worker_rows.size());
    for (std::size_t at = 0; at < rows.size(); ++at) {
        result.push_back(resolve(rows[at], configuration.settings, configuration.origins[at],
                                 std::string(kVariablePrefix), {}, file));
    }
    for (const WorkerConfiguration& worker : configuration.workers) {
        const WorkerSettings& settings = worker.settings;
        // Instances have one declaration, which is shown once.
        if (settings.instance > 1) continue;
        const auto& from_file = worker.from_file;
        const std::string prefix = worker_variable_prefix(settings.name);
        const std::string name(declared_name(settings));
        for (std::size_t at = 0; at < worker_rows.size(); ++at) {
            const auto& row = worker_rows[at];
            if (!row.is_prefix()) {
                result.push_back(resolve(row, settings, worker.origins[at], prefix, name, file));
                continue;
            }
            for (const auto& [suffix, shown] : row.each(settings)) {
                const std::string setting = std::string(row.name) + suffix;
                const std::string variable = prefix + setting;
                const bool in_file =
                    std::find(from_file.begin(), from_file.end(), setting) != from_file.end();
                result.push_back({.variable = variable,
                                  .value = shown,
                                  .source = in_file ? file : variable,
                                  .is_default = false,
                                  .worker = name});
            }
        }
    }
    return result;
}

}  // namespace pilotfish::config
