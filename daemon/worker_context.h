// What a worker needs of its surroundings, and which place it has there.
//
// Plain values and an interface that the supervisor implements; any thread; nothing blocks but what
// the members say.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.h"
#include "daemon/cron_timer.h"
#include "daemon/oom_verdict.h"
#include "daemon/output.h"
#include "daemon/process_table.h"
#include "daemon/signals_at_start.h"
#include "daemon/terminal.h"
#include "daemon/worker_group.h"

namespace pilotfish::daemon {

using SteadyClock = std::chrono::steady_clock;
using SteadyTime = SteadyClock::time_point;

class Worker;

class WorkerContext {
  public:
    virtual ProcessTable& processes() = 0;
    virtual OomWatch& oom() = 0;
    virtual Output& standard_output() = 0;
    virtual Output& standard_error() = 0;
    virtual const SignalsAtStart& signals_at_start() const = 0;
    // The environment of the worker's next run: the user's, ours taken out, the hints put in. own:
    // what its user and its files give it.
    virtual std::vector<std::string> environment_for(const config::WorkerSettings& settings,
                                                     const OwnVariables& own) = 0;
    // The child group of the worker's next run; null: none.
    virtual SharedGroup group_for(const config::WorkerSettings& settings) = 0;
    // The worker could not be started in it, for the first time of this start or again.
    virtual SharedGroup group_instead(const config::WorkerSettings& settings,
                                      const core::Error& failure, bool first) = 0;
    // News of a worker. Any thread; must not block.
    virtual void worker_changed(Worker& worker) = 0;
    // A worker would restart now: when it may, by the container's budget. Any thread.
    virtual SteadyTime reserve_restart(SteadyTime now) { return now; }
    // Both clocks; a test's own may stand in.
    virtual Moment look_at_clocks() const {
        return {std::chrono::system_clock::now(), SteadyClock::now()};
    }
    // Something of a worker that is no change of its state, for the record of events.
    virtual void worker_event(std::string_view kind, const std::string& worker, std::string text,
                              std::vector<std::pair<std::string, std::string>> fields) = 0;
    virtual void log_stream_opened() = 0;
    virtual void log_stream_closed() = 0;

  protected:
    ~WorkerContext() = default;
};

struct WorkerRole {
    bool inherit_descriptors = false;  // the entrypoint's own command
    std::string directory;             // without a CWD setting; empty: ours
    std::optional<Terminal> terminal;  // handed over on each start
    bool is_the_container = false;     // entrypoint mode: the verdict tells of its end
    // false: what it leaves behind is the container's matter, not its own (entrypoint mode).
    bool ends_its_group = true;
    // nullopt: the stop has no deadline of its own; the container's ends it.
    std::optional<std::chrono::nanoseconds> stop_timeout;
};

}  // namespace pilotfish::daemon
