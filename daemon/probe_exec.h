// Asking by a command: it is ok when it ends with 0 before the deadline.
//
// Call from a task. The command is a process group of its own, born like a worker's; the group is
// killed at the deadline, when the command has ended, and when the asking task is cancelled.
// Ownership: borrows the table, which must outlive the command's end. Suspends until the end or the
// deadline; blocks for the exec, as every start does. Fails: as a result that is not ok.
#pragma once

#include "core/clock.h"
#include "core/task.h"
#include "daemon/probe_result.h"
#include "daemon/process_table.h"

namespace pilotfish::daemon {

// request: as whom and in which surroundings; its command is the probe's. Descriptors are ours:
// nothing to read, and what it writes is kept for the result.
core::Task<ProbeResult> probe_by_command(ProcessTable& processes, SpawnRequest request,
                                         core::TimePoint deadline);

}  // namespace pilotfish::daemon
