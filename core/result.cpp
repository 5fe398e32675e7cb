#include "core/result.h"

#include <cstring>

namespace pilotfish::core {

Error system_error(std::string_view what, int system_errno) {
    char buffer[128];
    // The GNU strerror_r: thread-safe, returns the text, may ignore the buffer.
    const char* text = strerror_r(system_errno, buffer, sizeof buffer);
    return {"cannot " + std::string(what) + ": " + text, system_errno};
}

}  // namespace pilotfish::core
