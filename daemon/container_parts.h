// What the composition of the container needs and keeps no state for.
//
// Thread-safety: free functions; those of the process as a whole, before there is a second thread.
// Blocks: no longer than a few system calls. Fails: as each says.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cgroup/oom_counter.h"
#include "config/difference.h"
#include "config/settings.h"
#include "core/result.h"
#include "daemon/handover.h"
#include "daemon/memory_watch.h"
#include "daemon/worker.h"
#include "http/control.h"
#include "http/server.h"

namespace pilotfish::daemon {

// Says what cannot be had.
void become_subreaper(const config::Settings& settings);

// Our own working directory would keep its mount busy for ever. The entrypoint's command takes it
// over and we leave after that; workers that may start again are given it by name. Empty: we are
// still there.
std::string leave_directory();

// A reload, and an upgrade that has begun, as the admin plane tells them.
http::ControlAnswer answer_of(const core::Result<config::Difference>& reloaded);
http::ControlAnswer answer_of_upgrade(const core::Result<void>& begun);

// The listening sockets of the image of this process before.
std::vector<http::BoundListener> listeners_of(const Handover& handover);

// What the kernel counts for the worker's own group; nullopt: it has none.
std::optional<WorkerGroupMemory> group_memory_of(const Worker& worker,
                                                 const cgroup::FileSource& source);

}  // namespace pilotfish::daemon
