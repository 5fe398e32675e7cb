// ON_RESIZE and ON_MEMORY, carried out: a signal to the worker's process, or a restart.
//
// No signal to a process that has no handler for it yet, as most signals would end it.
//
// A resize is told to workers only where it changes something that they may live by: processors,
// the soft limit, or somebody's budget. What cannot be read for a while is no resize: it is
// compared with what was known before. Signals go out at once. Restarts are done one after another,
// who comes AFTER another after that one is back, so that never more than one is away, and at
// least 10 s apart for one worker: a container that is resized in many small steps must not keep
// it from its work. A resize within them is not forgotten, but carried out then.
//
// Thread-safety: react(), any thread; ResizeReactions as LimitsListener says, run() once, as a
// task. Ownership: borrows the configuration and the supervisor. Suspends: run(), for ever. Blocks:
// react() on one read of /proc, some microseconds. Fails: never; who does not run is left alone, as
// its next start knows what the container allows.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/load.h"
#include "config/resource_amount.h"
#include "core/event.h"
#include "core/task.h"
#include "daemon/container_limits.h"
#include "daemon/current_configuration.h"
#include "daemon/supervisor.h"

namespace pilotfish::daemon {

enum class Reacted {
    nothing,  // it does not run, or there is nothing to do
    done,
    withheld,  // it has no handler for the signal
};
// reason: as restarts are counted by.
Reacted react(Worker& worker, const config::Reaction& reaction, const std::string& reason);
// "has no handler for SIGUSR1, which would end it or be lost: not sending it"
std::string withheld_words(const config::Reaction& reaction);

// Which events change something. Not thread-safe.
class ResizeFilter {
  public:
    bool matters(const config::Configuration& configuration, const cgroup::LimitsEvent& event);

  private:
    std::optional<core::Limits> known_;  // each part as it was last known
};

// The names of workers, each behind those that it comes AFTER. Requires: they form no circle.
std::vector<std::string> after_order(const config::Configuration& configuration);

// Each worker's ON_RESIZE, once a resize.
class ResizeReactions final : public LimitsListener {
  public:
    ResizeReactions(const CurrentConfiguration& configuration, const Supervisor& supervisor);
    void limits_resized(const cgroup::LimitsEvent& event) override;

    core::Task<void> run();

  private:
    void send(Worker& worker);
    core::Task<void> restart(const std::string& name);
    bool take_due(const std::string& name);

    const CurrentConfiguration& configuration_;
    const Supervisor& supervisor_;
    ResizeFilter filter_;
    // By name, as everything here: a reload moves workers to other places.
    std::map<std::string, std::uint64_t> withheld_in_;  // the run in which that was told
    core::Event due_;
    std::mutex mutex_;
    std::set<std::string> restart_due_;
    // run()'s own.
    std::map<std::string, std::chrono::steady_clock::time_point> restarted_;
};

}  // namespace pilotfish::daemon
