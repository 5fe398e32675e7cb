// Why the container ended: the number and the sentence.
//
// Plain values; any thread.
#pragma once

#include <string>

namespace pilotfish::daemon {

struct Verdict {
    int code = 0;
    std::string sentence;    // "main exited with code 3 after 1.2 s"
    bool asked_for = false;  // somebody told us to stop
};

}  // namespace pilotfish::daemon
