// Loads a plugin's shared object and makes sure that it fits this executable before its coroutine
// is called. Loading itself runs the constructors of its global variables: they are what has run of
// a plugin that is refused, beside its one entry.
//
// Thread-safety: any thread. Ownership: the file stays mapped until the process ends; loading it
// again gives what is there already, also when the file has changed meanwhile. Blocks: on the file
// system, and on whatever the file's own constructors do: call it by core::blocking(). Fails: a
// PluginRefusal whose exit code is what a command that cannot be run would have.
#pragma once

#include <optional>
#include <string>

#include "core/plugin.h"
#include "core/result.h"

namespace pilotfish::daemon {

struct LoadedPlugin {
    std::string name;  // as its descriptor says
    core::Task<int> (*run)(core::PluginContext& context);
};

struct PluginRefusal {
    core::Error error;    // "cannot load /x.so: no such file"
    int exit_code = 126;  // 127: there is no such file; 126: it is there and cannot be used
};

struct PluginLoad {
    std::optional<LoadedPlugin> plugin;
    PluginRefusal refusal;  // meaningful when !plugin
};

PluginLoad load_plugin(const std::string& path);

// Why this executable loads no plugins at all; "" when it does.
std::string why_no_plugins();

}  // namespace pilotfish::daemon
