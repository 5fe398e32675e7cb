// The verdict for the orchestrator: a few words in the file that Kubernetes shows as the
// container's termination message (kubelet reads the last 4096 bytes of it).
//
// Any thread, once. Owns nothing. Blocks as long as a write to that file does; a FIFO or a terminal
// in its place is never waited for. Fails: a sentence naming the file; nothing was written then.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/result.h"

namespace pilotfish::daemon {

struct TerminationLog {
    // kubelet's limit for one container, the worker's own words included.
    static constexpr std::size_t kMaxBytes = 4096;
    static constexpr const char* kDefaultPath = "/dev/termination-log";

    std::string path = kDefaultPath;
    // false: the default. It is never created, and where it is missing or may not be written there
    // is simply no termination log.
    bool configured = false;
};

struct TerminationNote {
    std::size_t bytes = 0;  // written, the line end included; 0: no such file, or it was full
    bool cut = false;       // there was no room for all of it
};

// Appends the verdict as a line of its own, behind whatever the worker wrote and never over it, cut
// to what kMaxBytes leaves.
core::Result<TerminationNote> write_termination_log(const TerminationLog& log,
                                                    std::string_view verdict);

}  // namespace pilotfish::daemon
