// A reload: reads the configuration anew, tells what is different, and hands on what can be applied
// while everything runs.
//
// The environment is the daemon's own, which nobody can change, so in effect it is the file of
// PILOTFISH_CONFIG that is read again. All of it is checked before anything is changed: a faulty
// one changes nothing. A worker is started anew only if its own settings are different; what the
// daemon cannot change while it runs is told and left as it is.
//
// Thread-safety: any thread; two at once run one after another. Ownership: borrows its parts.
// Blocks: on the file, and on another reload; so not on a scheduler's thread. Fails: with every
// fault of the configuration, or because the container is being stopped.
#pragma once

#include <functional>
#include <mutex>

#include "config/difference.h"
#include "config/load.h"
#include "core/result.h"
#include "daemon/current_configuration.h"
#include "daemon/event_log.h"

namespace pilotfish::daemon {

struct ReloadParts {
    CurrentConfiguration& configuration;
    EventLog& events;
    config::ReloadRules rules;
    std::function<core::Result<config::Configuration>()> load;
    std::function<bool()> shutting_down;
    // The configuration is the current one: makes it come true.
    std::function<void(const config::Difference&, const config::Configuration& now)> apply;
};

class Reload {
  public:
    explicit Reload(ReloadParts parts) : parts_(std::move(parts)) {}

    // dry_run: only tells. What it answers is under way, not done: workers take their time to end.
    core::Result<config::Difference> run(bool dry_run);

  private:
    void tell(const config::Difference& difference, const config::Configuration& before,
              const config::Configuration& now);

    const ReloadParts parts_;
    std::mutex mutex_;
};

}  // namespace pilotfish::daemon
