// A pilotfish that hosts one plugin of the tests as its worker "web", and no admin plane.
//
//     const Outcome outcome = run_once(plugin("actor"), "return 3");
//
// Thread-safety: none. Ownership: nothing. run_once() blocks, as run() does. Fails as run() does.
#pragma once

#include <map>
#include <string>

#include "tests/e2e/support/process.h"

namespace pilotfish::e2e {

using Environment = std::map<std::string, std::string>;

inline std::string plugin(const std::string& name) {
    return std::string(PILOTFISH_E2E_PLUGINS) + "/" + name + ".so";
}

inline Environment hosting(const std::string& path, const std::string& args,
                           const Environment& more = {}) {
    Environment environment = {{"PILOTFISH_WORKERS", "web"},
                               {"PILOTFISH_ADMIN_LISTEN", "off"},
                               {"PILOTFISH_WORKER_WEB_PLUGIN", path}};
    if (!args.empty()) environment["PILOTFISH_WORKER_WEB_PLUGIN_ARGS"] = args;
    for (const auto& [name, value] : more) environment[name] = value;
    return environment;
}

inline Environment once(const std::string& path, const std::string& args) {
    return hosting(path, args, {{"PILOTFISH_WORKER_WEB_RESTART", "never"}});
}

inline Outcome run_once(const std::string& path, const std::string& args = {}) {
    return run({pilotfish(), "run"}, {.env = once(path, args)});
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace pilotfish::e2e
