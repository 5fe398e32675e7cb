// Names for addresses of code: what the loader knows (dladdr), else the symbol table of the file,
// which has static functions too, unless it was stripped.
//
// Thread-safety: any thread, never from a signal handler. Owns nothing; the maps of a file last for
// one call. Blocks: reads files, about 1 ms a name of a big program. Fails: an address without a
// name is given as module+offset.
#pragma once

#include <cstdint>
#include <string>

namespace pilotfish::core {

struct CodePlace {
    std::string function;       // demangled; empty: not known
    std::string module;         // the file's name without its folder; empty: not an address of code
    std::uintptr_t offset = 0;  // in the module
};
CodePlace find_code(std::uintptr_t address);

// Whether the address lies in code of a module, and behind what kind of instruction.
enum class CodeBefore : std::uint8_t { no_code, other, call, system_call };
CodeBefore before(std::uintptr_t address) noexcept;
// Both lie in code of one module.
bool same_module(std::uintptr_t one, std::uintptr_t other) noexcept;

}  // namespace pilotfish::core
