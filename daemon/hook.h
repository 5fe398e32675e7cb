// A worker's hooks: PRE_START before each start, POST_STOP after each end.
//
// A hook runs as the worker does: the same user, directory, environment, limits and priorities; its
// output goes to the worker's log. It is no part of the worker's child group, and what it leaves in
// its process group is killed when it ends (daemon/command_run.h).
//
// Thread-safety: from the worker's life. Ownership: borrows what it is given until its end.
// Suspends: until the command has ended. Fails: by the result.
#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <vector>

#include "daemon/command_run.h"
#include "daemon/worker_log.h"
#include "daemon/worker_run.h"

namespace pilotfish::daemon {

// Whoever migrates a database for longer makes a oneshot of it. Chosen, not measured.
inline constexpr std::chrono::minutes kPreStartTimeout{5};

// What a worker's hook is started with: the worker's own request, less what is the worker's alone.
SpawnRequest hook_process(const SpawnRequest& worker, const config::Command& command);

// PILOTFISH_EXIT_REASON (as restarts are counted by: exit, signal, oom, start_failed),
// PILOTFISH_EXIT_CODE (as a shell gives it) and, of a signal, PILOTFISH_EXIT_SIGNAL.
std::vector<std::string> exit_variables(EndReason reason, const ExitStatus& status);

core::Task<CommandResult> run_hook(ProcessTable& processes, WorkerLog& log, config::WorkerLog mode,
                                   CommandRequest request);

// "its PRE_START exited with code 3; it said: no such table".
std::string hook_failure(std::string_view name, const CommandResult& result);

}  // namespace pilotfish::daemon
