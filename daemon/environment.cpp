#include "daemon/environment.h"

#include <unistd.h>

#include <unordered_set>

namespace pilotfish::daemon {
namespace {

bool names(std::string_view entry, std::string_view name) {
    return entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name);
}

}  // namespace

std::vector<std::string> worker_environment(const config::WorkerSettings& settings,
                                            const OwnVariables& own) {
    std::vector<std::string> result;
    std::unordered_set<std::string_view> seen;
    seen.reserve(64);
    for (const auto& [name, value] : settings.environment) {
        result.push_back(name + "=" + value);
    }
    result.push_back("PILOTFISH_WORKER=" + std::string(config::declared_name(settings)));
    result.push_back("PILOTFISH_INSTANCE=" + std::to_string(settings.instance));
    for (const auto& [name, value] : settings.environment) seen.insert(name);
    for (const OwnVariable& variable : own) {
        if (seen.insert(variable.name).second && variable.value)
            result.push_back(variable.name + "=" + *variable.value);
    }
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const std::string_view name = text.substr(0, text.find('='));
        if (name.starts_with(kOwnPrefix) || !seen.insert(name).second) continue;
        result.emplace_back(text);
    }
    return result;
}

const char* find_variable(const std::vector<std::string>& environment, std::string_view name) {
    for (const std::string& entry : environment) {
        if (names(entry, name)) return entry.c_str() + name.size() + 1;
    }
    return nullptr;
}

void put_variable(std::vector<std::string>& environment, const std::string& name,
                  const std::string& value) {
    for (std::string& entry : environment) {
        if (!names(entry, name)) continue;
        entry.resize(name.size() + 1);
        entry += value;
        return;
    }
    environment.push_back(name + "=" + value);
}

}  // namespace pilotfish::daemon
