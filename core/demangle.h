// The name of a symbol or a type as it stands in the source.
//
//     demangled("_ZN1a1bEi")             // "a::b(int)"
//     demangled(typeid(error).name())    // "std::runtime_error"
//
// Any thread. A copy. Never blocks. Fails: what is no mangled name comes back as it is.
#pragma once

#include <string>

namespace pilotfish::core {

std::string demangled(const char* name);

}  // namespace pilotfish::core
