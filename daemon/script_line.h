// The first line of a script: which program the kernel would run for it. Pure.
//
// Any thread. Views into the text given. Never blocks, never fails: nullopt for what is no script.
#pragma once

#include <optional>
#include <string_view>

namespace pilotfish::daemon {

struct ScriptLine {
    std::string_view interpreter;  // a path, or a name for PATH when `env` was to look for it
    bool by_env = false;           // the name is to be looked for in PATH
};

// head: the script's first bytes, 256 of which the kernel reads. "#!/usr/bin/env node",
// "#!/usr/bin/env -S LANG=C node --flag" and "#!/usr/bin/python3 -u" name node, node and
// /usr/bin/python3; other options of env are not understood: nullopt.
std::optional<ScriptLine> parse_script_line(std::string_view head);

}  // namespace pilotfish::daemon
