// Under the name of a small init (tini, docker-init, dumb-init, by symbolic links) pilotfish is
// that init: its options, variables, messages, exit codes, and what it does with signals and
// zombies, so that an image needs no change but the file. Nothing else of pilotfish takes part: no
// runtime, no thread, no port, no log; PILOTFISH_* variables mean nothing and are passed on with
// all others.
//
// One thread, before anything else of main. Blocks until the program has ended. Fails: as they do,
// by a message and an exit code. What is theirs was taken from their manuals and by running them
// (tini 0.19.0, dumb-init 1.2.5); where we differ on purpose stands in daemon/README.md.
#pragma once

#include <optional>
#include <string_view>

namespace pilotfish::daemon {

enum class DropIn { tini, dumb_init };

// By the base name of argv[0]; nullopt: we were called by our own name.
std::optional<DropIn> drop_in_of(std::string_view program);

// The exit code, when we were called by such a name.
std::optional<int> run_as_drop_in(int argc, char** argv);

}  // namespace pilotfish::daemon
