#include "daemon/reload.h"

#include <algorithm>
#include <string>

#include "core/log.h"

namespace pilotfish::daemon {
namespace {

void say(core::LogLevel level, const std::string& line) { core::log(level, "daemon", line); }

template <class Each>
void each_line(const std::string& text, const Each& each) {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        each(text.substr(at, end - at));
        at = end + 1;
    }
}

std::string list_of(const config::Names& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
    return text;
}

}  // namespace

core::Result<config::Difference> Reload::run(bool dry_run) {
    const std::lock_guard lock(mutex_);
    if (parts_.shutting_down())
        return core::Error{"cannot reload: the container is being stopped", 0};
    core::Result<config::Configuration> loaded = parts_.load();
    if (!loaded) {
        const std::string why = "cannot reload, nothing was changed: " + loaded.error().message;
        if (!dry_run) {
            each_line(why, [](const std::string& line) { say(core::LogLevel::error, line); });
            parts_.events.record("reload", {}, why, {{"applied", "false"}});
        }
        return core::Error{why, 0};
    }
    const CurrentConfiguration::Shared before = parts_.configuration.get();
    config::Difference difference = config::difference(*before, *loaded, parts_.rules);
    if (dry_run) return difference;
    if (!difference.changes_nothing())
        parts_.configuration.exchange(config::with_kept(*before, std::move(*loaded), parts_.rules));
    const CurrentConfiguration::Shared now = parts_.configuration.get();
    tell(difference, *before, *now);
    if (!difference.changes_nothing()) parts_.apply(difference, *now);
    return difference;
}

void Reload::tell(const config::Difference& difference, const config::Configuration& before,
                  const config::Configuration& now) {
    if (difference.changes_nothing()) {
        say(core::LogLevel::info, "reloaded: nothing to change");
    } else {
        say(core::LogLevel::info, "reloaded: " + std::to_string(difference.settings.size()) +
                                      " settings of pilotfish, " +
                                      std::to_string(difference.added.size()) + " workers added, " +
                                      std::to_string(difference.removed.size()) + " removed, " +
                                      std::to_string(difference.changed.size()) + " changed");
    }
    each_line(difference.text(), [](const std::string& line) {
        const bool not_applied = line.find(": not applied, ") != std::string::npos;
        say(not_applied ? core::LogLevel::warn : core::LogLevel::info, line);
    });
    // What was doubtful before was told then.
    for (const std::string& warning : now.warnings) {
        const auto& told = before.warnings;
        if (std::find(told.begin(), told.end(), warning) == told.end())
            say(core::LogLevel::warn, warning);
    }
    config::Names changed;
    for (const config::WorkerChange& worker : difference.changed) changed.push_back(worker.name);
    const std::string text = difference.text();
    parts_.events.record("reload", {}, text.empty() ? "nothing to change" : text,
                         {{"applied", difference.changes_nothing() ? "false" : "true"},
                          {"added", list_of(difference.added)},
                          {"removed", list_of(difference.removed)},
                          {"changed", list_of(changed)}});
}

}  // namespace pilotfish::daemon
