// The configuration as it is now: a reload exchanges it. Whoever acts by it takes it once and holds
// it as long as that lasts.
//
// Thread-safety: any thread. Ownership: shares the configurations, which never change. Blocks: a
// lock for as long as a pointer is copied. Fails: never.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "config/load.h"

namespace pilotfish::daemon {

class CurrentConfiguration {
  public:
    using Shared = std::shared_ptr<const config::Configuration>;

    explicit CurrentConfiguration(Shared first) : now_(std::move(first)) {}
    explicit CurrentConfiguration(config::Configuration first)
        : CurrentConfiguration(std::make_shared<const config::Configuration>(std::move(first))) {}

    Shared get() const {
        const std::lock_guard lock(mutex_);
        return now_;
    }
    void exchange(config::Configuration next) {
        auto shared = std::make_shared<const config::Configuration>(std::move(next));
        const std::lock_guard lock(mutex_);
        now_.swap(shared);
    }

  private:
    mutable std::mutex mutex_;
    Shared now_;
};

}  // namespace pilotfish::daemon
