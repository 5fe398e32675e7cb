// ON_RESIZE and ON_MEMORY, carried out: a signal to the worker's process, or a restart.
//
// Thread-safety: react(), any thread; ResizeReactions as LimitsListener says. Ownership: borrows
// the supervisor. Blocks: never. Fails: never; who does not run is left alone, as its next start
// knows what the container allows.
#pragma once

#include <string>

#include "config/resource_amount.h"
#include "daemon/container_limits.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {

// reason: as restarts are counted by. False: nothing was done.
bool react(Worker& worker, const config::Reaction& reaction, const std::string& reason);

// Each worker's ON_RESIZE, once a resize.
class ResizeReactions final : public LimitsListener {
  public:
    explicit ResizeReactions(const Supervisor& supervisor) : supervisor_(supervisor) {}
    void limits_resized(const cgroup::LimitsEvent& event) override;

  private:
    const Supervisor& supervisor_;
};

}  // namespace pilotfish::daemon
