#include "config/unknown_name.h"

#include <vector>

#include "config/nearest_name.h"

namespace pilotfish::config {
namespace {

std::string lower_worker_name(std::string_view name) {
    std::string lower;
    for (const char c : name) {
        const bool capital = c >= 'A' && c <= 'Z';
        lower.push_back(capital ? static_cast<char>(c - 'A' + 'a') : (c == '_' ? '-' : c));
    }
    return lower;
}

// Splits "WEB_API_RESTART" behind the worker's name, at the longest setting that it ends with.
bool split_worker(std::string_view rest, std::string_view& worker, std::string_view& setting) {
    setting = {};
    for (const auto& row : worker_settings()) {
        std::size_t at = std::string_view::npos;
        if (row.is_prefix()) {
            at = rest.find("_" + std::string(row.name));
        } else if (rest.ends_with(row.name) && rest.size() > row.name.size() + 1) {
            at = rest.size() - row.name.size() - 1;
        }
        if (at == std::string_view::npos || at == 0 || rest[at] != '_') continue;
        if (rest.size() - at - 1 <= setting.size()) continue;
        worker = rest.substr(0, at);
        setting = rest.substr(at + 1);
    }
    return !setting.empty();
}

std::string did_you_mean(std::string_view name) {
    return "; did you mean " + std::string(name) + "?" + std::string(kIgnoreUnknown);
}

}  // namespace

const SettingRow<WorkerSettings>* find_worker_setting(std::string_view rest) {
    for (const auto& row : worker_settings()) {
        if (row.is_prefix() ? rest.size() > row.name.size() && rest.starts_with(row.name)
                            : rest == row.name) {
            return &row;
        }
    }
    return nullptr;
}

std::string explain_unknown(std::string_view variable, const Configuration& configuration) {
    std::string_view worker;
    std::string_view setting;
    if (variable.starts_with(kWorkerPrefix) &&
        split_worker(variable.substr(kWorkerPrefix.size()), worker, setting)) {
        const std::string name = lower_worker_name(worker);
        std::vector<std::string_view> declared;
        declared.reserve(configuration.workers.size());
        for (const auto& each : configuration.workers) declared.push_back(each.settings.name);
        const std::string_view nearest = nearest_name(name, declared);
        if (nearest.empty()) {
            return "no worker " + name + " is declared: add it to PILOTFISH_WORKERS" +
                   std::string(kIgnoreUnknown);
        }
        return "no worker " + name + " is declared" +
               did_you_mean(worker_variable_prefix(nearest) + std::string(setting));
    }
    // Without the common prefix, which would make any two names look alike.
    std::vector<std::string> names;
    for (const auto& row : global_settings()) names.emplace_back(row.name);
    for (const auto& each : configuration.workers) {
        const std::string prefix =
            worker_variable_prefix(each.settings.name).substr(kVariablePrefix.size());
        for (const auto& row : worker_settings()) names.push_back(prefix + std::string(row.name));
    }
    const std::vector<std::string_view> known(names.begin(), names.end());
    const std::string_view nearest = nearest_name(variable.substr(kVariablePrefix.size()), known);
    if (nearest.empty()) {
        return "there is no such setting: pilotfish help settings lists them" +
               std::string(kIgnoreUnknown);
    }
    return "there is no such setting" +
           did_you_mean(std::string(kVariablePrefix) + std::string(nearest));
}

}  // namespace pilotfish::config
