// What is different between two configurations: for people, for programs, and as the list of what a
// reload has to do.
//
// Any thread; plain values that own their text; never blocks, never fails. Secrets and the values
// of ENV_ variables are compared, and never in it.
#pragma once

#include <string>
#include <vector>

#include "config/load.h"

namespace pilotfish::config {

struct SettingChange {
    std::string variable;  // "PILOTFISH_WORKER_WEB_RESTART"
    std::string before;    // as `check` shows it; "" when unset
    std::string after;
    bool operator==(const SettingChange&) const = default;
};

struct WorkerChange {
    std::string name;
    std::vector<SettingChange> settings;  // never empty
};

struct Difference {
    std::vector<SettingChange> settings;  // of the daemon, which take effect while it runs
    std::vector<SettingChange> kept;      // that do not: they need a new start
    Names added;                          // in the order of the new configuration
    Names removed;
    std::vector<WorkerChange> changed;

    // Nothing that could be applied.
    bool changes_nothing() const {
        return settings.empty() && added.empty() && removed.empty() && changed.empty();
    }

    // A line each; "" when there is none.
    std::string text() const;
    // {"text":"...","settings":[{"name","before","after","applied"}],
    //  "workers":{"added":["..."],"removed":["..."],
    //             "changed":[{"name","settings":[{"name","before","after"}]}]}}
    // before and after are null when unset.
    std::string json() const;
};

// What a running daemon can take over. With a fixed main, no setting of the worker main.
struct ReloadRules {
    bool main_is_fixed = false;
};

Difference difference(const Configuration& before, const Configuration& after,
                      ReloadRules rules = {});

// after, with what stays as it was until a new start taken from before.
Configuration with_kept(const Configuration& before, Configuration after, ReloadRules rules = {});

}  // namespace pilotfish::config
