// Which language runtime an executable is, and of which version: found out by looking at the file
// and what lies beside it, never by running it.
//
// Any thread. Opens and closes files, keeps nothing. Blocks as the file system does. Fails: never;
// what is not surely recognised is `unknown`. A start waits for it, so what is no known runtime
// costs one open, one path resolved and three small reads; a name decides only which evidence is
// asked for:
//   Go       its build information (daemon/go_version.h)
//   Node.js  it exports node::Start and Node-API of 2020, or asks for libnode; its version by the
//            header beside it or by libnode's number. 0: not told, 12.20 or later
//   JVM      the file `release` of the JDK or JRE around the launcher
//   make     it exports gmk_alloc: GNU make since 4.0
//   Erlang   the script that starts erlexec
//   CPython  its name, or the libpython it asks for
//   Ruby, PHP: by their names; nothing but words depend on them
// A script is followed to what its first line names, through `env` too, as deep as the kernel
// would. A shell is unknown: what it starts is written nowhere.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "daemon/go_version.h"
#include "daemon/program_version.h"

namespace pilotfish::daemon {

enum class Language { unknown, go, node, java, make, erlang, python, ruby, php };

struct Program {
    Language language = Language::unknown;
    Version version;              // all 0: not known
    std::optional<GoVersion> go;  // set for Go
};

// file: the path the worker starts, as daemon/spawn.h's find_program gives it; "" is unknown.
// environment: has the PATH in which `env` looks.
Program recognise(const std::string& file, const std::vector<std::string>& environment);

// "Node.js 20.20.2", "JVM 17.0.15", "CPython 3.11"; "" when unknown.
std::string program_words(const Program& program);

}  // namespace pilotfish::daemon
