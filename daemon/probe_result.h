// What came of asking a worker once.
//
// Plain values.
#pragma once

#include <cstddef>
#include <string>

namespace pilotfish::daemon {

struct ProbeResult {
    bool ok = false;
    std::string detail;  // "answered 503", "did not answer within 1 s"
    std::string output;  // the answer's text or what the command wrote, its end; may be empty
};

// Of an answer or an output is kept: enough for a stack trace's end, small for a page that shows
// it.
inline constexpr std::size_t kMostProbeOutputBytes = 4096;

}  // namespace pilotfish::daemon
