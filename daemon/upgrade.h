// The upgrade in place: the daemon executes a new binary and goes on as it, with every child, pipe,
// listening socket, counter and pending deadline.
//
// begin() lets the new binary look at the state while everything runs on; only then all comes to a
// rest (daemon/supervisor_handover.cpp), the binary looks again at what it will really get, and
// jump() calls execve. The process stays the same, so children stay its children, and pending
// signals and ended children wait in the kernel. What is not carried over: connections of the admin
// plane (clients come again with their cursors; the sockets listen on), statistics of the
// scheduler, and hosted tasks, which end in order and begin anew.
//
// Thread-safety: begin(), any thread but the scheduler's; jump() and failed(), as the supervisor
// calls them. Ownership: borrows its parts. Blocks: begin(), until the new binary has answered.
// Fails: a sentence, with the daemon as it was.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>

#include "core/result.h"
#include "daemon/event_log.h"
#include "daemon/handover.h"
#include "daemon/output.h"
#include "daemon/supervisor.h"
#include "daemon/upgrade_check.h"
#include "http/server.h"

namespace pilotfish::daemon {

struct UpgradeParts {
    const Origin& origin;
    const SignalsAtStart& signals;
    Supervisor& supervisor;
    http::Server& server;
    EventLog& events;
    Output& standard_output;
    Output& standard_error;
    std::uint64_t upgrades = 0;  // before this image
};

class Upgrade {
  public:
    explicit Upgrade(UpgradeParts parts) : parts_(parts) {}

    // Returns when the new binary has agreed and no worker stands in the way: the jump follows a
    // moment later, so that the answer to whoever asked can get out, and the log tells should it
    // come to nothing. A refusal is a line of the log and an event, too.
    core::Result<void> begin();
    // Likewise, from a task.
    void begin_beside();

    // With all at rest, on the thread that children are made on: completes the state and executes
    // the binary. Returns only when that failed, everything as it was.
    core::Error jump(Handover& handover);
    void agreed();
    void failed(const core::Error& why);

    // The new image's words, once it has taken over.
    static void greet(const Handover& handover, SteadyTime went_on, EventLog& events);

  private:
    void tell(const core::Error& why);
    core::Result<void> refuse(core::Error why);
    core::Result<void> try_binary();
    std::optional<core::Error> ask_supervisor();
    core::Error execute(Handover& handover);

    UpgradeParts parts_;
    std::atomic<bool> under_way_{false};

    // What the supervisor says to begin().
    std::mutex mutex_;
    std::condition_variable answered_;
    bool has_agreed_ = false;
    std::optional<core::Error> refusal_;
};

}  // namespace pilotfish::daemon
