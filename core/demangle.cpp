#include "core/demangle.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

namespace pilotfish::core {

std::string demangled(const char* name) {
    const std::unique_ptr<char, decltype(&std::free)> plain(
        abi::__cxa_demangle(name, nullptr, nullptr, nullptr), &std::free);
    return plain ? plain.get() : name;
}

}  // namespace pilotfish::core
