#include "config/consistency_health.h"

#include <algorithm>
#include <string_view>

#include "config/setting_table.h"

namespace pilotfish::config {
namespace {

// Written out but as it is by default, it does no harm: a whole configuration may be handed on.
bool is_changed(const WorkerSettings& worker, std::string_view name) {
    const auto rows = worker_settings();
    const auto row = std::find_if(rows.begin(), rows.end(),
                                  [name](const auto& each) { return each.name == name; });
    return row->show(worker) != row->show(WorkerSettings{});
}

// A setting that would do nothing was meant to do something.
void check_idle(const WorkerSettings& settings, const std::string& prefix,
                std::vector<std::string>& errors) {
    struct Needs {
        std::string_view name;
        bool met;
        std::string_view what;
    };
    const bool asked = settings.liveness.probe.has_value();
    const bool waits = settings.ready.kind != ReadySetting::Kind::none;
    const Needs all[] = {{"READY_TIMEOUT", waits, "READY"},
                         {"READY_INTERVAL", settings.ready.kind == ReadySetting::Kind::probe,
                          "READY that asks (tcp, http or exec)"},
                         {"LIVENESS_INTERVAL", asked, "LIVENESS"},
                         {"LIVENESS_TIMEOUT", asked, "LIVENESS"},
                         {"LIVENESS_FAILURES", asked, "LIVENESS"}};
    for (const Needs& each : all) {
        if (each.met || !is_changed(settings, each.name)) continue;
        errors.push_back("cannot use " + prefix + std::string(each.name) + ": " + settings.name +
                         " has no " + std::string(each.what) + " that it would be of");
    }
    if (settings.livez && !asked && settings.watchdog == Duration::zero()) {
        errors.push_back("cannot use " + prefix + "LIVEZ: " + settings.name + " has no " + prefix +
                         "LIVENESS and no " + prefix + "WATCHDOG that could count in /livez");
    }
}

}  // namespace

void check_health(const WorkerSettings& settings, const std::string& prefix,
                  std::vector<std::string>& errors, std::vector<std::string>& warnings) {
    if (!settings.plugin.empty()) {
        for (const std::string_view name :
             {"READY", "READY_TIMEOUT", "READY_INTERVAL", "WATCHDOG"}) {
            if (!is_changed(settings, name)) continue;
            errors.push_back("cannot use " + prefix + std::string(name) +
                             " with a plugin: its task says by itself when it is ready, and "
                             "LIVENESS is what can be asked of it");
        }
    }
    check_idle(settings, prefix, errors);
    if (settings.kind != WorkerKind::service && settings.ready.kind != ReadySetting::Kind::none) {
        const bool once = settings.kind == WorkerKind::oneshot;
        errors.push_back("cannot use " + prefix + "READY with " + prefix +
                         "KIND=" + (once ? "oneshot" : "cron") + ": " +
                         (once ? "others wait for its end, not for its readiness"
                               : "nobody waits for the readiness of one that comes and goes") +
                         "; take it away, or make it a service");
    }
    if (settings.ready.kind == ReadySetting::Kind::log_line &&
        (settings.log == WorkerLog::inherit || settings.log == WorkerLog::none)) {
        errors.push_back("cannot use " + prefix + "READY=" + format_ready(settings.ready) +
                         ": by " + prefix +
                         "LOG=" + (settings.log == WorkerLog::none ? "none" : "inherit") +
                         " its lines do not come through us; set it to prefix or json");
    }
    // A machine-made pause of this size is ordinary: a stolen processor, a collection of garbage.
    if (settings.watchdog != Duration::zero() && settings.watchdog < std::chrono::seconds(1)) {
        warnings.push_back(prefix + "WATCHDOG=" + format_duration(settings.watchdog) +
                           " is less than a second: a throttled container misses that without "
                           "being stuck");
    }
}

}  // namespace pilotfish::config
