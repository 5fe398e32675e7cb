#include "config/difference.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>

#include "config/setting_table.h"
#include "config/unknown_name.h"

namespace pilotfish::config {
namespace {

// What the daemon reads each time it needs it. Everything else is bound, adopted or measured once.
constexpr std::string_view kLive[] = {
    "WORKERS",   "STRICT",       "MAXPROCS",    "MAXPROCS_ROUNDING", "MAXPROCS_MIN", "MEMLIMIT",
    "RIGHTSIZE", "STOP_TIMEOUT", "DRAIN_DELAY", "TERMINATION_LOG",   "LIVEZ_STALL",  "LOG_LEVEL"};

bool is_live(std::string_view name) {
    return std::find(std::begin(kLive), std::end(kLive), name) != std::end(kLive);
}

template <class Owner>
bool is_same(const SettingRow<Owner>& row, const Owner& before, const Owner& after) {
    return row.same != nullptr ? row.same(before, after) : row.show(before) == row.show(after);
}

SettingChange hidden_change(std::string variable, bool was_set, bool is_set) {
    return {std::move(variable), was_set ? "(set, not shown)" : "",
            !is_set ? "" : (was_set ? "(another, not shown)" : "(set, not shown)")};
}

template <class Owner>
SettingChange change_of(const SettingRow<Owner>& row, const std::string& prefix,
                        const Owner& before, const Owner& after) {
    std::string variable = prefix + std::string(row.name);
    std::string was = row.show(before);
    std::string is = row.show(after);
    if (row.is_secret) return hidden_change(std::move(variable), !was.empty(), !is.empty());
    return {std::move(variable), std::move(was), std::move(is)};
}

// By suffix. The values of ENV_ come from the field, as the row does not give them out.
std::map<std::string, std::string> suffixed(const SettingRow<WorkerSettings>& row,
                                            const WorkerSettings& worker) {
    const auto all = row.name == "ENV_" ? worker.environment : row.each(worker);
    return {all.begin(), all.end()};
}

void compare_suffixed(const SettingRow<WorkerSettings>& row, const std::string& prefix,
                      const WorkerSettings& before, const WorkerSettings& after,
                      std::vector<SettingChange>& changes) {
    const bool is_hidden = row.name == "ENV_";
    const auto was = suffixed(row, before);
    const auto is = suffixed(row, after);
    auto names = was;
    names.insert(is.begin(), is.end());
    for (const auto& [suffix, value] : names) {
        const auto old_one = was.find(suffix);
        const auto new_one = is.find(suffix);
        const bool both = old_one != was.end() && new_one != is.end();
        if (both && old_one->second == new_one->second) continue;
        const std::string variable = prefix + std::string(row.name) + suffix;
        if (is_hidden) {
            changes.push_back(hidden_change(variable, old_one != was.end(), new_one != is.end()));
        } else {
            changes.push_back({variable, old_one == was.end() ? "" : old_one->second,
                               new_one == is.end() ? "" : new_one->second});
        }
    }
}

// What a worker has by itself. How many others there are of it is no matter of one instance, and
// what nobody has set follows from settings of the daemon or of another name, which tell themselves
// what becomes of them: a worker is not restarted for that.
bool is_its_own(std::size_t row, const WorkerConfiguration& before,
                const WorkerConfiguration& after) {
    const std::string_view name = worker_settings()[row].name;
    if (name == "INSTANCES") return false;
    return name == "COMMAND" || is_setting(before.origins[row]) || is_setting(after.origins[row]);
}

std::vector<SettingChange> compare(const WorkerConfiguration& before,
                                   const WorkerConfiguration& after) {
    const std::string prefix = worker_variable_prefix(after.settings.name);
    std::vector<SettingChange> changes;
    const auto rows = worker_settings();
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (rows[at].is_prefix()) {
            compare_suffixed(rows[at], prefix, before.settings, after.settings, changes);
        } else if (is_its_own(at, before, after) &&
                   !is_same(rows[at], before.settings, after.settings)) {
            changes.push_back(change_of(rows[at], prefix, before.settings, after.settings));
        }
    }
    return changes;
}

// The LOG that follows from LOG_FORMAT stays with it.
void keep_log(const Settings& kept, WorkerConfiguration& worker) {
    const auto at = static_cast<std::size_t>(find_worker_setting("LOG") - worker_settings().data());
    if (worker.settings.name == "main" || is_setting(worker.origins[at])) return;
    worker.settings.log =
        kept.log_format == LogFormat::json ? WorkerLog::json : WorkerSettings().log;
}

void compare_daemons(const Settings& before, const Settings& after, Difference& result) {
    for (const auto& row : global_settings()) {
        // The workers tell this by themselves.
        if (row.name == "WORKERS" || is_same(row, before, after)) continue;
        auto& list = is_live(row.name) ? result.settings : result.kept;
        list.push_back(change_of(row, std::string(kVariablePrefix), before, after));
    }
}

std::string line_of(const SettingChange& change) {
    const auto shown = [](const std::string& value) { return value.empty() ? "unset" : value; };
    return change.variable + ": " + shown(change.before) + " -> " + shown(change.after);
}

using Json = nlohmann::ordered_json;

Json json_of(const SettingChange& change) {
    const auto shown = [](const std::string& value) {
        return value.empty() ? Json() : Json(value);
    };
    return {{"name", change.variable},
            {"before", shown(change.before)},
            {"after", shown(change.after)}};
}

}  // namespace

Difference difference(const Configuration& before, const Configuration& after, ReloadRules rules) {
    Difference result;
    compare_daemons(before.settings, after.settings, result);
    for (const WorkerConfiguration& worker : after.workers) {
        const WorkerSettings& settings = worker.settings;
        const WorkerConfiguration* const old = before.find_worker(settings.name);
        if (old == nullptr) {
            result.added.push_back(settings.name);
            continue;
        }
        std::vector<SettingChange> changes = compare(*old, worker);
        if (changes.empty()) continue;
        if (rules.main_is_fixed && settings.name == "main") {
            std::move(changes.begin(), changes.end(), std::back_inserter(result.kept));
        } else {
            result.changed.push_back({settings.name, std::move(changes)});
        }
    }
    for (const WorkerConfiguration& worker : before.workers)
        if (after.find_worker(worker.settings.name) == nullptr)
            result.removed.push_back(worker.settings.name);
    return result;
}

Configuration with_kept(const Configuration& before, Configuration after, ReloadRules rules) {
    const auto rows = global_settings();
    for (std::size_t at = 0; at < rows.size(); ++at) {
        if (is_live(rows[at].name)) continue;
        rows[at].copy(before.settings, after.settings);
        after.origins[at] = before.origins[at];
    }
    for (WorkerConfiguration& worker : after.workers) keep_log(before.settings, worker);
    if (!rules.main_is_fixed) return after;
    for (WorkerConfiguration& worker : after.workers) {
        const WorkerConfiguration* const old = before.find_worker(worker.settings.name);
        if (old != nullptr && worker.settings.name == "main") worker = *old;
    }
    return after;
}

std::string Difference::text() const {
    std::string lines;
    const auto add = [&lines](const std::string& line) {
        lines += (lines.empty() ? "" : "\n") + line;
    };
    for (const SettingChange& change : settings) add(line_of(change));
    for (const std::string& name : removed) add("worker " + name + " is removed");
    for (const std::string& name : added) add("worker " + name + " is added");
    for (const WorkerChange& worker : changed) {
        add("worker " + worker.name + " is restarted");
        for (const SettingChange& change : worker.settings) add("  " + line_of(change));
    }
    for (const SettingChange& change : kept)
        add(line_of(change) + ": not applied, it needs an upgrade or a restart of pilotfish");
    return lines;
}

std::string Difference::json() const {
    Json of_daemon = Json::array();
    for (const auto* const list : {&settings, &kept}) {
        for (const SettingChange& change : *list) {
            Json one = json_of(change);
            one["applied"] = list == &settings;
            of_daemon.push_back(std::move(one));
        }
    }
    Json of_workers = Json::array();
    for (const WorkerChange& worker : changed) {
        Json list = Json::array();
        for (const SettingChange& change : worker.settings) list.push_back(json_of(change));
        of_workers.push_back({{"name", worker.name}, {"settings", std::move(list)}});
    }
    const Json document{
        {"text", text()},
        {"settings", std::move(of_daemon)},
        {"workers",
         {{"added", Json(added)}, {"removed", Json(removed)}, {"changed", std::move(of_workers)}}}};
    // Values of the environment need not be UTF-8: such bytes become U+FFFD.
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pilotfish::config
