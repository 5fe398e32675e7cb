// Somebody who sees a stream of a worker's output on its way through us.
//
// Called by the one task that empties the stream. Must not block, nor keep what it is shown.
#pragma once

#include <string_view>

namespace pilotfish::daemon {

class OutputTap {
  public:
    virtual ~OutputTap() = default;
    // The stream's next bytes, borrowed for the call. False: it has seen enough, and is let go.
    virtual bool see(std::string_view bytes) = 0;
};

}  // namespace pilotfish::daemon
