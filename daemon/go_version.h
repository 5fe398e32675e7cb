// Is this executable a Go program, and of which Go? Read from the .go.buildinfo section of the ELF
// file that the Go linker writes since 1.13 (debug/buildinfo has the format).
//
// Any thread, one file on one thread. Keeps nothing. Blocks as daemon/elf_file.h does. Fails:
// nullopt for everything that is not surely a Go program of this machine.
#pragma once

#include <optional>
#include <string_view>

#include "daemon/elf_file.h"

namespace pilotfish::daemon {

struct GoVersion {
    int major = 0;  // 1
    int minor = 0;  // 25; at most 17 when the old form, which is not looked into, was found
    // Built with DefaultGODEBUG=containermaxprocs=0: a go.mod below 1.25 does that.
    bool ignores_container = false;
    // Follows the CPU limit of its own group by itself, live.
    bool follows_cpu_limit() const { return (major > 1 || minor >= 25) && !ignores_container; }
};

std::optional<GoVersion> go_version_of(ElfFile& file);

// "go1.25.3", "go1.26rc1", "devel go1.27-3b4f". Pure.
std::optional<GoVersion> parse_go_version(std::string_view text);

// The contents of the section. Pure.
std::optional<GoVersion> parse_go_buildinfo(std::string_view section);

}  // namespace pilotfish::daemon
